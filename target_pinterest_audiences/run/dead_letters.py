"""Records that were refused or put off, kept in a file that the target can read again."""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING, Any

from filelock import FileLock
from singer_sdk.singerlib.json import deserialize_json, serialize_json

from pinterest_audiences.errors import PinterestError, SettingsError
from pinterest_audiences.files import temporary_of, write_atomically

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from target_pinterest_audiences.changes import Defer, Reject

CODE, REASON, REJECTED_AT = "_reject_code", "_reject_reason", "_rejected_at"
_PROPERTIES = {
    CODE: {"type": ["null", "string"]},
    REASON: {"type": ["null", "string"]},
    REJECTED_AT: {"type": ["null", "string"], "format": "date-time"},
}


class RejectsError(PinterestError):
    """The file of rejected records cannot be written: no state may pass what is not in it."""


class DeadLetters:
    """A file of Singer messages that holds every record that is still to be applied.

    A record stays in the file until the very same record is applied; a record that is refused
    again replaces itself. So the file can be piped into the target again and again.

    Attributes:
        texts: Every text in the records that are kept, and in some that were.
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
        self._kept: dict[str, dict[str, Any]] = {}
        self._settled: set[str] = set()
        if not os.access(path.parent, os.X_OK if reads_only else os.W_OK | os.X_OK):
            msg = f"Settings: rejected_path {path}: its folder is not there, or not to be written"
            raise SettingsError(msg)
        if not reads_only:
            self._remove_unfinished()
        _, there = self._read()
        self._outstanding = set(there)
        self._changed = False
        self.texts = _texts(there.values())

    def keep_schema(self, message: Mapping[str, Any]) -> None:
        """Note a SCHEMA message, for records of its stream that will be kept."""
        self._schemas[message["stream"]] = message

    def keep(self, message: Mapping[str, Any], why: Reject | Defer, now: dt.datetime) -> None:
        """Keep a record.

        Args:
            message: Its RECORD message, as it came.
            why: Why it was not applied.
            now: When that was.
        """
        key, plain = _identified(message)
        record = {**plain, REASON: why.reason, CODE: why.code, REJECTED_AT: now.isoformat()}
        self._kept[key] = {"type": "RECORD", "stream": message["stream"], "record": record}
        self._settled.discard(key)
        self.texts |= _texts([self._kept[key]])
        self._changed = True

    def key_of(self, message: Mapping[str, Any]) -> str | None:
        """Return the key under which a record is kept; None if it is not kept."""
        if not self.kept_or_outstanding:
            return None
        key, _ = _identified(message)
        return key if key in self._outstanding or key in self._kept else None

    def settle(self, key: str) -> None:
        """Note that the record that is kept under a key was applied: it is kept no longer."""
        self._kept.pop(key, None)
        self._settled.add(key)
        self._changed = True

    @property
    def kept(self) -> int:
        """How many records were kept since the file was brought up to date."""
        return len(self._kept)

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
                schemas, records = self._read()
                schemas.update(self._schemas)
                records = {
                    key: message
                    for key, message in {**records, **self._kept}.items()
                    if key not in self._settled
                }
                self._write(schemas, records)
        except OSError as error:
            msg = (
                f"rejected_path {self._path} cannot be written ({error.strerror}): the state "
                "stays where it was; make room or choose another path, and run again"
            )
            raise RejectsError(msg) from None
        # What another run does to them from now on is not to be undone by the next commit.
        self._outstanding = set(records)
        self.texts = _texts(records.values())
        self._kept, self._settled = {}, set()
        self._changed = False

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

    def _read(self) -> tuple[dict[str, Mapping[str, Any]], dict[str, dict[str, Any]]]:
        schemas: dict[str, Mapping[str, Any]] = {}
        records: dict[str, dict[str, Any]] = {}
        try:
            # Not splitlines: it also splits at characters that JSON text may hold.
            lines = self._path.read_text(encoding="utf-8").split("\n")
        except FileNotFoundError:
            return schemas, records
        except (OSError, UnicodeDecodeError):
            self._refuse()
        for line in filter(None, lines):
            try:
                message = deserialize_json(line)
                if message["type"] == "SCHEMA":
                    _ = message["schema"]["properties"].keys()
                    schemas[message["stream"]] = message
                elif message["type"] == "RECORD" and (
                    CODE in message["record"] or _has_reasons(schemas.get(message["stream"]))
                ):
                    records[_identified(message)[0]] = message
                else:
                    self._refuse()
            except (
                ArithmeticError,
                AttributeError,
                KeyError,
                RecursionError,
                TypeError,
                ValueError,
            ):
                self._refuse()
        return schemas, records

    def _refuse(self) -> None:
        msg = (
            f"Settings: rejected_path {self._path} is a file of something else than rejected "
            "records, and stays as it is: choose another path"
        )
        raise SettingsError(msg)

    def _write(
        self, schemas: Mapping[str, Mapping[str, Any]], records: Mapping[str, dict[str, Any]]
    ) -> None:
        if not records:
            self._path.unlink(missing_ok=True)
            return
        streams = dict.fromkeys(message["stream"] for message in records.values())
        schema_messages = [_with_reasons(stream, schemas.get(stream)) for stream in streams]
        messages = [*schema_messages, *records.values()]
        write_atomically(self._path, (serialize_json(message) + "\n" for message in messages))


def _texts(messages: Iterable[Mapping[str, Any]]) -> set[str]:
    values = (value for message in messages for value in message["record"].values())
    return {value for value in values if isinstance(value, str)}


def _identified(message: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
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
    return hashlib.sha256(content.encode()).hexdigest(), record


def _with_reasons(stream: str, schema: Mapping[str, Any] | None) -> dict[str, Any]:
    message = dict(schema or {"type": "SCHEMA", "stream": stream, "key_properties": []})
    body = dict(message.get("schema") or {})
    body["properties"] = {**(body.get("properties") or {}), **_PROPERTIES}
    return {**message, "schema": body}


def _has_reasons(schema: Mapping[str, Any] | None) -> bool:
    """Return whether a SCHEMA message is one of ours: a person who edits may drop the reasons."""
    return schema is not None and CODE in schema["schema"]["properties"]
