"""A role without write access is detected by one request and named."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from people import SCHEMA, person
from programs import record, schema, state

if TYPE_CHECKING:
    from pathlib import Path

    from programs import Programs

    from pinterest_emulator.testing import Emulator

RULE = {"visitor_source_id": "2612511566392"}
COUNT = 20


def visitors(account: str, count: int = COUNT) -> list[dict[str, Any]]:
    return [
        record(name=f"A{at}", ad_account_id=account, audience_type="VISITOR", rule=RULE)
        for at in range(count)
    ]


def customers(account: str) -> list[dict[str, Any]]:
    return [person(at, ad_account_id=account, audience_name=f"L{at}") for at in range(COUNT)]


def refuse(emulator: Emulator, **where: Any) -> None:
    emulator.fault(kind="status", status=403, code=29, times=1000, **where)


def writes(emulator: Emulator) -> list[str]:
    return [each["operation"] for each in emulator.requests() if each["method"] != "GET"]


@pytest.mark.parametrize("max_rejected", [0, COUNT])
@pytest.mark.parametrize(
    ("operation", "make", "first"),
    [
        ("audiences/create", visitors, schema()),
        ("customer_lists/create", customers, SCHEMA),
    ],
)
def test_role_without_write_access_is_refused_once(
    emulator: Emulator,
    programs: Programs,
    account: str,
    tmp_path: Path,
    operation: str,
    make: Any,
    first: dict[str, Any],
    max_rejected: int,
) -> None:
    refuse(emulator, operation=operation)
    report = tmp_path / "report.json"
    settings: dict[str, Any] = {"report_path": str(report), "max_rejected": max_rejected}
    settings["rejected_path"] = str(tmp_path / "rejected.jsonl")
    run = programs.target([first, *make(account), state(1)], **settings)
    assert run.code == 1
    assert writes(emulator) == [operation]
    assert json.loads(report.read_text())["counts"]["rejected"] == COUNT
    assert "not sent" in run.err
    assert f"to ad account {account}: give the token's user a role" in run.complaints[-1]
    kept = tmp_path / "rejected.jsonl"
    # Members of a list that cannot be written are not stored; they hold back the state instead.
    assert run.state == ({"seen": 1} if kept.exists() else {})
    assert not kept.exists() or kept.read_text().count('"RECORD"') == COUNT
    assert kept.exists() == (operation == "audiences/create")


def test_other_ad_accounts_are_still_written(emulator: Emulator, programs: Programs) -> None:
    one, other = emulator.seed(ad_accounts=2, audiences=0)
    refuse(emulator, operation="audiences/create", path_contains=one)
    run = programs.target([schema(), *visitors(one), *visitors(other, 2)])
    assert run.code == 1
    assert len(writes(emulator)) == 3
    assert len(emulator.state()["audiences"][other]) == 2
