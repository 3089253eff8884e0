"""Customer lists that are uploaded as files, and how time changes an upload."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from msgspec import Struct
from msgspec.structs import replace

from pinterest_emulator import guesses
from pinterest_emulator.data import members

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pinterest_emulator.data.store import Store

NOT_STARTED = "NOT_STARTED"
RUNNING = "RUNNING"
SUCCEEDED = "SUCCEEDED"
FAILED = "FAILED"
MOST_PARTS = 10
FIRST_UPLOAD_ID = 7_300_001


class Upload(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One upload.

    Attributes:
        id: Digits.
        ad_account_id: The account that owns the list.
        customer_list_id: The list that it changes.
        operation: ADD or REMOVE.
        total_parts: Number of parts of the file, 1 to 10.
        secret: Key that signs the URLs of its parts.
        state: NOT_STARTED, RUNNING, SUCCEEDED or FAILED.
        creation_time: Unix seconds.
        updated_time: Unix seconds.
        record_counts: `processed`, `valid` and `invalid`; None before processing ended.
        error_counts: `error_code`, `message` and `count` of each error; None before as well.
    """

    id: int
    ad_account_id: int
    customer_list_id: int
    operation: str
    total_parts: int
    secret: str
    state: str
    creation_time: int
    updated_time: int
    record_counts: dict[str, int] | None = None
    error_counts: list[dict[str, Any]] | None = None


@dataclass(frozen=True, slots=True)
class Run:
    """The outcome of an upload that is RUNNING.

    Attributes:
        upload: The upload after processing, valid from its `updated_time`.
        keys: The members that it then adds or removes.
    """

    upload: Upload
    keys: list[bytes]


class Uploads:
    """All uploads, the files of uploads not yet run, and the outcomes of running uploads.

    Attributes:
        runs: RUNNING uploads, in the order in which they began.
    """

    def __init__(self) -> None:
        """Starts empty."""
        self.runs: list[Run] = []
        self._uploads: dict[int, Upload] = {}
        self._parts: dict[int, dict[int, bytes]] = {}
        self._next_id = FIRST_UPLOAD_ID

    def __iter__(self) -> Iterator[Upload]:
        """The uploads, oldest first."""
        return iter(self._uploads.values())

    def next_id(self) -> int:
        """An id that no upload has."""
        return self._next_id

    def get(self, upload_id: int) -> Upload | None:
        """The upload of that id, or None."""
        return self._uploads.get(upload_id)

    def put(self, upload: Upload) -> None:
        """Adds an upload or replaces the one of its id."""
        self._uploads[upload.id] = upload
        self._next_id = max(self._next_id, upload.id + 1)

    def put_part(self, upload_id: int, number: int, content: bytes) -> None:
        """Keeps a part of a file until the upload runs; a second one replaces the first."""
        self._parts.setdefault(upload_id, {})[number] = content

    def run(self, upload: Upload, list_type: str, *, now: int, ready_at: int) -> None:
        """Begins to process a file for a list of that type and deletes the file.

        Args:
            upload: An upload that was not started yet.
            list_type: Type of its customer list.
            now: Unix seconds.
            ready_at: Unix seconds at which it will have been processed.
        """
        parts = self._parts.pop(upload.id, {})
        self.runs.append(_outcome(replace(upload, updated_time=ready_at), parts, list_type))
        self.put(replace(upload, state=RUNNING, updated_time=now))

    def settle(self, store: Store, now: float) -> None:
        """Ends the runs that are due at `now`, in Unix seconds, and changes their lists."""
        due = [run for run in self.runs if run.upload.updated_time <= now]
        if not due:
            return
        self.runs = [run for run in self.runs if run.upload.updated_time > now]
        for run in due:
            self.put(run.upload)
            if run.upload.state == SUCCEEDED:
                _apply(run, store)


def _apply(run: Run, store: Store) -> None:
    """Changes the list at the time at which the processing of the upload ended."""
    upload = run.upload
    customer_list = store.customer_lists(upload.ad_account_id)[upload.customer_list_id]
    store.change_members(
        customer_list,
        upload.operation,
        run.keys,
        now=upload.updated_time,
        # Other processing of the list takes as long as without the upload.
        ready_at=max(upload.updated_time, customer_list.ready_at or 0),
    )


def _outcome(upload: Upload, parts: Mapping[int, bytes], list_type: str) -> Run:
    numbers = range(1, upload.total_parts + 1)
    if any(not parts.get(number) for number in numbers):
        return _failed(upload, guesses.MISSING_PART)
    if any(len(parts[number]) < guesses.SMALLEST_FILE_PART for number in numbers[:-1]):
        return _failed(upload, guesses.SMALL_PART)
    try:
        text = b"".join(parts[number] for number in numbers).decode()
    except UnicodeDecodeError:
        return _failed(upload, guesses.NO_TEXT)
    records = members.split(guesses.comma_separated(text))
    if not records:
        return _failed(upload, guesses.NO_RECORDS)
    reading = members.read(records, list_type)
    invalid = len(reading.invalid)
    errors = [_error(guesses.invalid_record(list_type), invalid)] if invalid else []
    counts = {"processed": len(records), "valid": len(reading.keys), "invalid": invalid}
    done = replace(upload, state=SUCCEEDED, record_counts=counts, error_counts=errors)
    return Run(done, reading.keys)


def _failed(upload: Upload, reason: tuple[int, str]) -> Run:
    counts = {"processed": 0, "valid": 0, "invalid": 0}
    failed = replace(upload, state=FAILED, record_counts=counts, error_counts=[_error(reason, 1)])
    return Run(failed, [])


def _error(reason: tuple[int, str], count: int) -> dict[str, Any]:
    code, message = reason
    return {"error_code": code, "message": message, "count": count}
