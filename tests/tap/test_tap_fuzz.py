"""The tap uses any state and catalog, or ends with one line."""

from __future__ import annotations

import contextlib
import copy
import io
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from odd import A_FEW, DEEP, JSON, NUMBERS, OFTEN, TEXT, is_told, shaped
from programs import selecting

from pinterest_audiences.errors import PinterestError, SettingsError
from pinterest_emulator.testing import Emulator
from tap_pinterest_audiences.incremental import Bookmark, Scan, ScanOptions
from tap_pinterest_audiences.tap import TapPinterestAudiences

if TYPE_CHECKING:
    from collections.abc import Iterator

ACCOUNT = "549755800003"
PARTITION = shaped(
    context=st.just({"ad_account_id": ACCOUNT}),
    replication_key=st.just("updated_timestamp"),
    replication_key_value=NUMBERS,
    recent=st.dictionaries(st.just("1"), JSON),
    recent_digests=st.dictionaries(st.just("1"), JSON),
    known=st.lists(JSON, max_size=3),
    seen_ids=st.lists(JSON, max_size=3),
    digests=st.dictionaries(st.just("1"), JSON) | JSON,
    progress_markers=JSON,
    replication_key_signpost=JSON,
    starting_replication_value=JSON,
)
STATES = shaped(
    bookmarks=shaped(
        audiences=shaped(partitions=st.lists(PARTITION, max_size=2), progress_markers=JSON),
        ad_accounts=JSON,
        customer_lists=JSON,
        other=shaped(replication_key_value=st.just("2026-01-31")),
    ),
    currently_syncing=TEXT,
)
GOOD_STATE: dict[str, Any] = {
    "bookmarks": {
        "audiences": {
            "partitions": [
                {
                    "context": {"ad_account_id": ACCOUNT},
                    "replication_key": "updated_timestamp",
                    "replication_key_value": 1783598400,
                    "recent": {"1": "0123456789abcdef"},
                    "known": ["1"],
                }
            ]
        }
    }
}


@OFTEN
@given(PARTITION)
@example({"replication_key_value": 1, "known": [[], {}]})
@example({"replication_key_value": float("nan")})
def test_any_bookmark_is_read_or_refused(state: dict[str, Any]) -> None:
    options = ScanOptions("updated_timestamp", lookback=60, detect_removed=True)
    try:
        bookmark = Bookmark.read(state, "updated_timestamp")
    except PinterestError as error:
        is_told(error)
        return
    scan = Scan(bookmark, options)
    scan.begin(1783598400)
    scan.new([{"id": "1", "updated_timestamp": 5}])
    assert all(isinstance(record_id, str) for record_id in scan.removed())
    scan.end().write({}, "updated_timestamp")


@dataclass
class Given:
    """The value that the SDK reads from ``--config``."""

    config: dict[str, Any]
    parse_env: bool = False


@pytest.fixture(scope="module")
def pinterest() -> Iterator[Emulator]:
    with Emulator(access="unlimited") as running:
        yield running


class File(io.StringIO):
    """The value that the SDK reads from ``--state`` and ``--catalog``."""

    name = "given.json"


def file(content: object) -> File | None:
    if content is None:
        return None
    return File(content if isinstance(content, str) else json.dumps(content))


def run_tap(emulator: Emulator, *, state: object = None, catalog: object = None) -> int:
    """Run the tap in this process as its console script does, and return its exit code."""
    config = {
        "access_token": "pina_demo",
        "api_url": emulator.url,
        "ad_account_ids": [ACCOUNT],
        "detect_removed": True,
    }
    with contextlib.redirect_stdout(io.StringIO()):
        try:
            TapPinterestAudiences.invoke(
                config=Given(config), state=file(state), catalog=file(catalog)
            )
        except SystemExit as error:
            return int(str(error.code))
    return 0


def test_valid_state_and_catalog_are_used(pinterest: Emulator) -> None:
    assert run_tap(pinterest, state=GOOD_STATE, catalog=selecting(["audiences"])) == 0


@pytest.mark.parametrize(
    "state",
    [
        "[]",
        "",
        DEEP,
        {"bookmarks": None},
        {"bookmarks": []},
        {"bookmarks": {"audiences": "2026-01-31"}},
        {"bookmarks": {"audiences": {"partitions": {}}}},
        {"bookmarks": {"audiences": {"partitions": [{}]}}},
        {"bookmarks": {"audiences": {"partitions": [{"context": {}}, {"context": {}}]}}},
        {"bookmarks": {"audiences": {"progress_markers": []}}},
        {"currently_syncing": None},
        {"Bookmarks": {}},
        {"audiences": {"ad_account_id": ACCOUNT, "replication_key_value": 5}},
        {"state": GOOD_STATE},
        {"type": "STATE"},
        {"type": "STATE", "value": None},
        {"type": "STATE", "value": [GOOD_STATE]},
        {"type": "RECORD", "value": GOOD_STATE},
        {"singer_state": None},
        {"singer_state": {"state": {}}},
        {"completed": {"singer_state": GOOD_STATE}, "partial": {}},
        json.dumps(GOOD_STATE)[:-20],
    ],
)
def test_invalid_state_ends_the_run_with_one_line(
    pinterest: Emulator, state: object, caplog: pytest.LogCaptureFixture
) -> None:
    asked = len(pinterest.requests())

    assert run_tap(pinterest, state=state, catalog=selecting(["audiences"])) == 1

    (complaint,) = [entry for entry in caplog.records if entry.levelname == "ERROR"]
    assert "tate" in complaint.getMessage()
    assert "\n" not in complaint.getMessage()
    assert complaint.exc_info is None
    assert len(pinterest.requests()) == asked


@pytest.mark.parametrize(
    "state",
    [
        {},
        {"bookmarks": {}},
        {"bookmarks": {"public-users": {"replication_key_value": "2026-01-31"}}},
        {"bookmarks": {"audiences": {"replication_key_value": 5}}, "currently_syncing": None},
        {"bookmarks": {"audiences": {"partitions": []}}},
        {"bookmarks": {"audiences": {"partitions": [{"context": {"ad_account_id": "1"}}]}}},
        {"bookmarks": {"audiences": {"partitions": [{"context": {"ad_account_id": ACCOUNT}}]}}},
    ],
)
def test_state_of_another_tap_or_version_is_accepted(pinterest: Emulator, state: object) -> None:
    assert run_tap(pinterest, state=state, catalog=selecting(["audiences"])) == 0


@pytest.mark.parametrize(
    "wrapped",
    [
        {"type": "STATE", "value": GOOD_STATE},
        {"singer_state": GOOD_STATE},
        {"type": "STATE", "value": {"singer_state": GOOD_STATE}},
        {"type": "STATE", "value": {}},
        {"singer_state": {}},
    ],
)
def test_a_state_in_a_wrapper_is_unwrapped(pinterest: Emulator, wrapped: dict[str, Any]) -> None:
    assert run_tap(pinterest, state=wrapped, catalog=selecting(["audiences"])) == 0
    tap = TapPinterestAudiences(config={}, validate_config=False, state=copy.deepcopy(wrapped))
    is_empty = "bookmarks" not in json.dumps(wrapped)
    assert tap.state == ({} if is_empty else GOOD_STATE)


@A_FEW
@given(STATES | JSON)
def test_any_state_is_used_or_refused(pinterest: Emulator, state: object) -> None:
    assert run_tap(pinterest, state=state, catalog=selecting(["audiences"])) in {0, 1}


@pytest.mark.parametrize(
    "catalog",
    [
        {},
        {"streams": None},
        {"streams": {}},
        {"streams": [1]},
        {"streams": [{}]},
        {"streams": [{"tap_stream_id": "audiences", "schema": []}]},
        {"streams": [{"tap_stream_id": "audiences", "metadata": [{}]}]},
        {"bookmarks": {}},
        DEEP,
    ],
)
def test_invalid_catalog_ends_the_run_with_one_line(
    pinterest: Emulator, catalog: object, caplog: pytest.LogCaptureFixture
) -> None:
    assert run_tap(pinterest, catalog=catalog) == 1

    (complaint,) = [entry for entry in caplog.records if entry.levelname == "ERROR"]
    assert "atalog" in complaint.getMessage()
    assert "\n" not in complaint.getMessage()
    assert complaint.exc_info is None


def broken(value: Any, path: list[int], new: object) -> Any:
    """A copy of a JSON value with one changed place somewhere inside."""
    value = copy.deepcopy(value)
    place: Any = value
    for step in path:
        keys = [*place] if isinstance(place, dict) else [*range(len(place))]
        key = keys[step % len(keys)]
        inner = place[key]
        if not isinstance(inner, dict | list) or not inner or step == path[-1]:
            place[key] = new
            break
        place = inner
    return value


CATALOG = {
    "streams": [
        entry for entry in selecting(["audiences"])["streams"] if entry["stream"] == "audiences"
    ]
}


@A_FEW
@given(st.lists(st.integers(0, 50), min_size=1, max_size=8), JSON)
def test_any_broken_catalog_is_used_or_refused(
    pinterest: Emulator, path: list[int], new: object
) -> None:
    assert run_tap(pinterest, catalog=broken(CATALOG, path, new)) in {0, 1}


@A_FEW
@given(STATES | st.dictionaries(TEXT, JSON, max_size=3))
def test_invalid_state_and_catalog_are_refused_in_process(state: dict[str, Any]) -> None:
    for name in ("state", "catalog"):
        with contextlib.suppress(SettingsError):
            TapPinterestAudiences(config={}, validate_config=False, **{name: copy.deepcopy(state)})
