"""Reads Singer messages and refuses what is none, without ever printing a record."""

from __future__ import annotations

import json
from collections import Counter
from decimal import Decimal
from typing import IO, TYPE_CHECKING, Any, NoReturn

import msgspec
from singer_sdk.singerlib.encoding import SimpleSingerReader
from singer_sdk.singerlib.json import deserialize_json
from typing_extensions import override

from pinterest_audiences.errors import PinterestError

if TYPE_CHECKING:
    from collections.abc import Callable


class _Record(msgspec.Struct, tag_field="type", tag="RECORD"):
    stream: str
    record: dict[str, Any]
    version: Any = None
    time_extracted: Any = None


class _Table(msgspec.Struct):
    properties: dict[str, Any]


class _Schema(msgspec.Struct, tag_field="type", tag="SCHEMA"):
    stream: str
    schema: _Table


class _State(msgspec.Struct, tag_field="type", tag="STATE"):
    value: dict[str, Any]


class _Batch(msgspec.Struct, tag_field="type", tag="BATCH"):
    stream: str
    encoding: dict[str, Any]
    manifest: list[Any]


class _ActivateVersion(msgspec.Struct, tag_field="type", tag="ACTIVATE_VERSION"):
    stream: str
    version: int


_Message = _Record | _Schema | _State | _Batch | _ActivateVersion
_TYPES = ("ACTIVATE_VERSION", "BATCH", "RECORD", "SCHEMA", "STATE")

_decode_record = msgspec.json.Decoder(_Record, float_hook=Decimal).decode


class InputError(PinterestError):
    """A line of the input is not a Singer message."""


class StrictReader(SimpleSingerReader):
    """A reader whose errors name the line and what is wrong with it, never what it says."""

    def __init__(self) -> None:
        """Start before the first line."""
        super().__init__()
        self.line_number = 0
        self.blank_lines = 0
        self._streams: set[str] = set()

    @override
    def deserialize_json(self, line: str) -> dict[str, Any]:
        """Read one line.

        Raises:
            InputError: If it is no Singer message.
        """
        self.line_number += 1
        return _read_record(line) or self._read_message(line)

    def _read_message(self, line: str) -> dict[str, Any]:
        try:
            message = deserialize_json(line)
            line.encode()  # what is not UTF-8 may come as halves of characters
        except (ValueError, RecursionError, ArithmeticError) as error:
            column = getattr(error, "colno", None)
            self._refuse("is not JSON" + (f" (column {column})" if column else ""))
        try:
            read = msgspec.convert(message, _Message)
        except msgspec.ValidationError as error:
            # It names fields and types, and no value but that of the field "type".
            if "`type`" in str(error) or "`$.type`" in str(error):
                self._refuse(f"has none of the types {', '.join(_TYPES)}")
            self._refuse(f"is not a valid Singer message: {error}")
        match read:
            case _Schema():
                self._streams.add(read.stream)
            case _Batch() | _ActivateVersion() if read.stream not in self._streams:
                self._refuse(
                    f"is a {message['type']} message before the SCHEMA message of its stream"
                )
            case _State():
                # The SDK writes states with the standard library, which knows no Decimal.
                message = json.loads(line)
        return message

    @override
    def process_lines(
        self,
        file_input: IO[str] | None,
        callbacks: dict[str, Callable[[dict[str, Any]], None]],
    ) -> Counter[str]:
        """Read all lines, as the SDK does, but without what costs as much as a record of members.

        Raises:
            InputError: If one is not UTF-8.
        """
        seen: Counter[str] = Counter()
        try:
            for line in file_input or self.default_input:
                if line.isspace():
                    self.line_number += 1
                    self.blank_lines += 1
                    continue
                message = self.deserialize_json(line)
                kind = message["type"]
                callbacks[kind](message)
                seen[kind] += 1
        except UnicodeDecodeError:
            self.line_number += 1
            self._refuse("or one soon after it is not UTF-8 text")
        return seen

    def _refuse(self, why: str) -> NoReturn:
        msg = (
            f"Input line {self.line_number} {why}; nothing after it was read. Check what the tap "
            "prints to standard output"
        )
        raise InputError(msg)


def _read_record(line: str) -> dict[str, Any] | None:
    """Read a RECORD message, several times as fast as the SDK does.

    Returns:
        None if it is another message, or none, or JSON that only the SDK takes.
    """
    try:
        found = _decode_record(line)
    except (msgspec.MsgspecError, UnicodeEncodeError, RecursionError, ArithmeticError):
        return None
    message = {"type": "RECORD", "stream": found.stream, "record": found.record}
    if found.version is not None:
        message["version"] = found.version
    if found.time_extracted is not None:
        message["time_extracted"] = found.time_extracted
    return message
