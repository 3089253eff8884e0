"""The state and the catalog that a run is given: what cannot be used is refused in one line.

The SDK takes them as they are, and fails somewhere in the middle of them.
"""

from __future__ import annotations

import json
from typing import IO, TYPE_CHECKING, Any, Literal, TypeVar

import msgspec
from singer_sdk.singerlib.catalog import Catalog

from pinterest_audiences.errors import SettingsError, redact

if TYPE_CHECKING:
    from collections.abc import Mapping

T = TypeVar("T")


class _Partition(msgspec.Struct):
    context: dict[str, Any]
    progress_markers: dict[str, Any] = {}


class _Bookmark(msgspec.Struct):
    partitions: list[_Partition] = []
    progress_markers: dict[str, Any] = {}


class _State(msgspec.Struct):
    bookmarks: dict[str, _Bookmark]


class _Schema(msgspec.Struct):
    properties: dict[str, _Schema] | None = None
    items: _Schema | None = None


class _Flags(msgspec.Struct, rename="kebab"):
    selected: bool | None = None
    selected_by_default: bool | None = None
    inclusion: Literal["available", "automatic", "unsupported"] | None = None
    table_key_properties: list[str] | None = None
    replication_key: str | None = None
    forced_replication_method: str | None = None


class _Metadata(msgspec.Struct):
    breadcrumb: list[str]
    metadata: _Flags


class _Entry(msgspec.Struct):
    tap_stream_id: str
    schema: _Schema = msgspec.field(default_factory=_Schema)
    stream: str | None = None
    key_properties: list[str] | None = None
    replication_key: str | None = None
    replication_method: str | None = None
    metadata: list[_Metadata] = []


class _Catalog(msgspec.Struct):
    streams: list[_Entry]


def read_json(file: IO[str] | None, option: str) -> dict[str, Any] | None:
    """Read the file of an option; None if it is not given.

    Raises:
        SettingsError: If it is no JSON object.
    """
    if file is None:
        return None
    try:
        content = json.load(file)
    except json.JSONDecodeError as error:
        msg = f"{option}: {file.name} is not JSON ({error})"
        raise SettingsError(msg) from None
    except (ValueError, RecursionError):
        msg = f"{option}: {file.name} is not JSON that can be read"
        raise SettingsError(msg) from None
    if not isinstance(content, dict):
        msg = f"{option}: {file.name} is not a JSON object"
        raise SettingsError(msg)
    return content


def read_state(content: Mapping[str, Any]) -> dict[str, Any]:
    """Return the state in what a run was given, be it a state of this tap or of another one.

    A whole STATE message, and what `meltano state get` prints, hold a state.

    Raises:
        SettingsError: If there is none. Its values are not shown.
    """
    state: Any = content
    if isinstance(state, dict) and state.get("type") == "STATE":
        state = state.get("value")
    if isinstance(state, dict) and "bookmarks" not in state:
        state = state.get("singer_state", state)
    if state == {}:
        return {}
    found = _converted(
        state,
        _State,
        "State: this is no state of this tap; it has to be {} or an object with bookmarks, such as "
        "the value of the last STATE message",
    )
    for stream, bookmark in found.bookmarks.items():
        contexts = [partition.context for partition in bookmark.partitions]
        if any(context in contexts[:index] for index, context in enumerate(contexts)):
            msg = (
                f"State: bookmarks.{stream} has two partitions for one context; remove one of "
                "them from the state"
            )
            raise SettingsError(msg)
    return dict(state)


def partitions_read(state: Mapping[str, Any]) -> set[str]:
    """Return the ad accounts of which a state, checked before, has a bookmark."""
    return {
        account
        for bookmark in state.get("bookmarks", {}).values()
        for partition in bookmark.get("partitions", ())
        if partition.get("replication_key_value") is not None
        for name, account in partition["context"].items()
        if name.endswith("ad_account_id") and isinstance(account, str)
    }


def parse_catalog(content: Mapping[str, Any]) -> Catalog:
    """Read a Singer catalog.

    Raises:
        SettingsError: If it is none. Its values are not shown.
    """
    what = "Catalog: this is no Singer catalog; take one that --discover prints"
    _converted(content, _Catalog, what)
    try:
        return Catalog.from_dict(dict(content))
    except (AttributeError, KeyError, TypeError, ValueError, RecursionError):
        raise SettingsError(what) from None


def _converted(content: object, shape: type[T], what: str) -> T:
    try:
        return msgspec.convert(content, shape)
    except msgspec.MsgspecError as error:
        msg = f"{what} ({redact(str(error))})"
        raise SettingsError(msg) from None
    except (RecursionError, UnicodeEncodeError):
        raise SettingsError(what) from None
