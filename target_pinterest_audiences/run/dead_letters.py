"""Records that were refused or put off, kept in a file that the target can read again."""

from __future__ import annotations

import hashlib
import os
import tempfile
from itertools import chain
from typing import IO, TYPE_CHECKING, Any

from filelock import FileLock
from singer_sdk.singerlib.json import deserialize_json, serialize_json

from pinterest_audiences.errors import PinterestError, SettingsError
from pinterest_audiences.files import temporary_of, write_atomically

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable, Iterator, Mapping
    from collections.abc import Set as AbstractSet
    from pathlib import Path

    from target_pinterest_audiences.changes import Defer, Reject

CODE, REASON, REJECTED_AT = "_reject_code", "_reject_reason", "_rejected_at"
_PROPERTIES = {
    CODE: {"type": ["null", "string"]},
    REASON: {"type": ["null", "string"]},
    REJECTED_AT: {"type": ["null", "string"], "format": "date-time"},
}


_KEY_BYTES = 16
_IN_MEMORY_BYTES = 1024 * 1024
"""Of records that are kept; more than that are in a temporary file."""


class RejectsError(PinterestError):
    """The file of rejected records cannot be written: no state may pass what is not in it."""


class DeadLetters:
    """A file of Singer messages that holds every record that is still to be applied.

    A record stays in the file until the very same record is applied; a record that is refused
    again replaces itself. So the file can be piped into the target again and again. There may be
    millions of records: of each, only digests are in memory.

    Attributes:
        texts: The hash of every text in the records that are kept, and in some that were.
    """

    def __init__(self, path: Path, *, reads_only: bool = False) -> None:
        """Use the file at ``path``, which need not be there yet.

        Args:
            path: The file.
            reads_only: Whether nothing will be kept in it, as in a dry run.

        Raises:
            SettingsError: If its folder cannot be written to, or it is a file of something else.
        """
        self._path = path
        self._schemas: dict[str, Mapping[str, Any]] = {}
        self._lines: IO[bytes] | None = None
        self._kept: dict[bytes, tuple[int, str]] = {}
        """By the key of a record: where its line is, and its stream."""
        self._settled: set[bytes] = set()
        if not os.access(path.parent, os.X_OK if reads_only else os.W_OK | os.X_OK):
            msg = f"Settings: rejected_path {path}: its folder is not there, or not to be written"
            raise SettingsError(msg)
        if not reads_only:
            self._remove_unfinished()
        self._outstanding: set[bytes] = set()
        self._changed = False
        self.texts: set[int] = set()
        for message in self._messages():
            if message["type"] == "RECORD":
                key, plain = _identified(message)
                self._outstanding.add(key)
                self.texts |= _texts(plain)

    def keep_schema(self, message: Mapping[str, Any]) -> None:
        """Note a SCHEMA message, for records of its stream that will be kept."""
        self._schemas[message["stream"]] = message

    def keep(self, message: Mapping[str, Any], why: Reject | Defer, now: dt.datetime) -> None:
        """Keep a record.

        Args:
            message: Its RECORD message, as it came.
            why: Why it was not applied.
            now: When that was.

        Raises:
            RejectsError: If it cannot be written.
        """
        key, plain = _identified(message)
        record = {**plain, REASON: why.reason, CODE: why.code, REJECTED_AT: now.isoformat()}
        kept = {"type": "RECORD", "stream": message["stream"], "record": record}
        try:
            self._lines = self._lines or tempfile.SpooledTemporaryFile(  # noqa: SIM115
                _IN_MEMORY_BYTES, dir=str(self._path.parent)
            )
            place = self._lines.seek(0, os.SEEK_END)
            self._lines.write(_line(kept).encode())
        except OSError as error:
            raise self._unwritable(error) from None
        self._kept[key] = (place, message["stream"])
        self._settled.discard(key)
        self.texts |= _texts(plain)
        self._changed = True

    def key_of(self, message: Mapping[str, Any]) -> bytes | None:
        """Return the key under which a record is kept; None if it is not kept."""
        if not self.kept_or_outstanding:
            return None
        key, _ = _identified(message)
        return key if key in self._outstanding or key in self._kept else None

    def settle(self, key: bytes) -> None:
        """Note that the record that is kept under a key was applied: it is kept no longer."""
        self._kept.pop(key, None)
        self._settled.add(key)
        self._changed = True

    @property
    def kept_or_outstanding(self) -> bool:
        """Whether there is any record that may be settled."""
        return bool(self._kept or self._outstanding)

    def commit(self) -> None:
        """Bring the file up to date, whole or not at all.

        Raises:
            RejectsError: If it cannot be written.
        """
        if not self._changed:
            return
        try:
            with self._locked():
                self._update()
        except OSError as error:
            raise self._unwritable(error) from None
        if self._lines:
            self._lines.close()
        self._lines, self._kept, self._settled = None, {}, set()
        self._changed = False

    def _update(self) -> None:
        schemas: dict[str, Mapping[str, Any]] = {}
        streams: dict[str, None] = {}
        there: set[bytes] = set()
        for message in self._messages():
            if message["type"] == "SCHEMA":
                schemas[message["stream"]] = message
                continue
            key, plain = _identified(message)
            if key not in self._settled:
                there.add(key)
                streams[message["stream"]] = None
                self.texts |= _texts(plain)
        schemas.update(self._schemas)
        streams.update(dict.fromkeys(stream for _, stream in self._kept.values()))
        if streams:
            head = (_line(_with_reasons(stream, schemas.get(stream))) for stream in streams)
            write_atomically(self._path, chain(head, self._records(there)))
        else:
            self._path.unlink(missing_ok=True)
        # What another run does to them from now on is not to be undone by the next commit.
        self._outstanding = there | self._kept.keys()

    def _records(self, there: AbstractSet[bytes]) -> Iterator[str]:
        """Yield the lines of all records: those that are there in their places, then the others."""
        left = set(there)
        for message in self._messages():
            key = _identified(message)[0] if message["type"] == "RECORD" else b""
            if key in left:
                left.remove(key)
                yield from self._kept_lines([key]) if key in self._kept else [_line(message)]
        yield from self._kept_lines(key for key in self._kept if key not in there)

    def _kept_lines(self, keys: Iterable[bytes]) -> Iterator[str]:
        if self._lines:
            for key in keys:
                self._lines.seek(self._kept[key][0])
                yield self._lines.readline().decode()

    def _unwritable(self, error: OSError) -> RejectsError:
        return RejectsError(
            f"rejected_path {self._path} cannot be written ({error.strerror}): the state "
            "stays where it was; make room or choose another path, and run again"
        )

    def _locked(self) -> FileLock:
        return FileLock(f"{self._path}.lock", mode=0o600)

    def _remove_unfinished(self) -> None:
        """Remove what a run left that was killed while it wrote the file."""
        temporary = temporary_of(self._path)
        try:
            if temporary.exists():
                # It may be what another run is writing now, which then holds the lock.
                with self._locked():
                    temporary.unlink(missing_ok=True)
        except OSError as error:
            msg = (
                f"Settings: rejected_path {self._path}: a killed run left {temporary}, which "
                f"cannot be removed ({error.strerror}): remove it"
            )
            raise SettingsError(msg) from None

    def _messages(self) -> Iterator[dict[str, Any]]:
        """Yield the messages in the file, one after the other.

        Raises:
            SettingsError: If it is a file of something else.
        """
        schemas: dict[str, Mapping[str, Any]] = {}
        try:
            # Not any other line end: JSON text may hold characters that are some.
            with self._path.open(encoding="utf-8", newline="\n") as file:
                for line in filter(None, map(_without_end, file)):
                    message = deserialize_json(line)
                    stream = message["stream"]
                    if message["type"] == "SCHEMA":
                        _ = message["schema"]["properties"].keys()
                        schemas[stream] = message
                    elif message["type"] != "RECORD" or not (
                        CODE in message["record"] or _has_reasons(schemas.get(stream))
                    ):
                        self._refuse()
                    else:
                        _identified(message)
                    yield message
        except FileNotFoundError:
            return
        except (
            ArithmeticError,
            AttributeError,
            KeyError,
            OSError,
            RecursionError,
            TypeError,
            ValueError,
        ):
            self._refuse()

    def _refuse(self) -> None:
        msg = (
            f"Settings: rejected_path {self._path} is a file of something else than rejected "
            "records, and stays as it is: choose another path"
        )
        raise SettingsError(msg)


def _line(message: Mapping[str, Any]) -> str:
    return serialize_json(message) + "\n"


def _without_end(line: str) -> str:
    return line.removesuffix("\n")


def _texts(record: Mapping[str, Any]) -> set[int]:
    return {hash(value) for value in record.values() if isinstance(value, str)}


def _identified(message: Mapping[str, Any]) -> tuple[bytes, dict[str, Any]]:
    """Return what identifies a record, and the record as it was before it was kept."""
    record = {key: value for key, value in message["record"].items() if key not in _PROPERTIES}
    try:
        content = serialize_json([message["stream"], record], sort_keys=True)
    except RecursionError:
        msg = (
            f"A record of stream {message['stream']!r} has too many values inside values to be "
            "kept in rejected_path: nothing after it was read"
        )
        raise RejectsError(msg) from None
    return hashlib.sha256(content.encode()).digest()[:_KEY_BYTES], record


def _with_reasons(stream: str, schema: Mapping[str, Any] | None) -> dict[str, Any]:
    message = dict(schema or {"type": "SCHEMA", "stream": stream, "key_properties": []})
    body = dict(message.get("schema") or {})
    body["properties"] = {**(body.get("properties") or {}), **_PROPERTIES}
    return {**message, "schema": body}


def _has_reasons(schema: Mapping[str, Any] | None) -> bool:
    """Return whether a SCHEMA message is one of ours: a person who edits may drop the reasons."""
    return schema is not None and CODE in schema["schema"]["properties"]
