"""A program around the target feeds it, takes its states, and tests the connection."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any

import pytest
from programs import record, schema, state
from typing_extensions import override

from pinterest_audiences.errors import PinterestError
from target_pinterest_audiences.target import TargetPinterestAudiences

if TYPE_CHECKING:
    from pathlib import Path

    from pinterest_emulator.testing import Emulator

RULE = {"visitor_source_id": "2612511566392"}


class Collecting(TargetPinterestAudiences):
    """Keeps the states that it would write."""

    states: list[dict[str, Any]]

    @override
    def emit_state(self, state: dict[str, Any]) -> None:
        self.states.append(state)


def collecting(emulator: Emulator, home: Path, **settings: Any) -> Collecting:
    ledger = {"ledger_url": f"sqlite:///{home}/ledger.db"}
    config = {"access_token": "pina_demo", "api_url": emulator.url, **ledger, **settings}
    target = Collecting(config=config)
    target.states = []
    return target


def lines(*messages: dict[str, Any]) -> io.StringIO:
    return io.StringIO("".join(json.dumps(message) + "\n" for message in messages))


def test_subclass_gets_the_states(
    emulator: Emulator, account: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = collecting(emulator, tmp_path, ad_account_id=account)
    made = record(name="Buyers", audience_type="VISITOR", rule=RULE)
    target.write_all(lines(schema(), made, state(1)))
    assert target.states == [{"seen": 1}]
    assert capsys.readouterr().out == ""


def test_subclass_gets_the_state_before_a_rejected_record(
    emulator: Emulator, account: str, tmp_path: Path
) -> None:
    target = collecting(emulator, tmp_path, ad_account_id=account)
    made = record(name="Buyers", audience_type="VISITOR", rule=RULE)
    bad = record(name="Bad", audience_type="NONSENSE", rule=RULE)
    with pytest.raises(PinterestError, match="1 records were rejected"):
        target.write_all(lines(schema(), made, state(1), bad, state(2)))
    assert target.states == [{"seen": 1}]


@pytest.mark.parametrize("mode", ["add", "mirror"])
def test_only_streams_of_members_can_be_mirrored(
    emulator: Emulator, account: str, tmp_path: Path, mode: str
) -> None:
    maps = {
        "customers": {"__alias__": "audience_members"},
        "segments": {"__alias__": "audiences"},
        "left_out": None,
    }
    target = collecting(
        emulator, tmp_path, ad_account_id=account, member_mode=mode, stream_maps=maps
    )
    streams = ["audiences", "audience_members", "customers", "segments", "left_out"]
    target.process_lines(lines(*(schema(stream) for stream in streams)))
    mirrored = [stream for stream in [*streams, "unknown"] if target.can_mirror(stream)]
    assert mirrored == (["audience_members", "customers"] if mode == "mirror" else [])


def test_connection_test_writes_nothing(emulator: Emulator, account: str, tmp_path: Path) -> None:
    collecting(emulator, tmp_path, ad_account_id=account, dry_run=True).connection_test()
    assert [entry["operation"] for entry in emulator.requests()] == ["ad_accounts/list"]
    assert [*tmp_path.iterdir()] == []


def test_connection_test_names_what_is_wrong(
    emulator: Emulator, account: str, tmp_path: Path
) -> None:
    with pytest.raises(PinterestError, match="does not see ad account 1: check ad_account_id"):
        collecting(emulator, tmp_path, ad_account_id="1").connection_test()
    with pytest.raises(PinterestError, match="HTTP 401"):
        collecting(emulator, tmp_path, access_token="pina_wrong").connection_test()
    ledger_url = "postgresql+psycopg://user:hidden@127.0.0.1:1/ledger"
    with pytest.raises(PinterestError, match="ledger_url") as caught:
        collecting(
            emulator, tmp_path, ledger_url=ledger_url, ad_account_id=account
        ).connection_test()
    assert "hidden" not in str(caught.value)


def test_connection_test_needs_an_ad_account(emulator: Emulator, tmp_path: Path) -> None:
    with pytest.raises(PinterestError, match="sees no ad account"):
        collecting(emulator, tmp_path).connection_test()
