"""A dry run reads the ledger and writes no file."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest
from people import SCHEMA, person
from programs import record, schema

if TYPE_CHECKING:
    from pathlib import Path

    from programs import Programs


def files(folder: Path) -> dict[str, tuple[int, bytes]]:
    return {
        str(path.relative_to(folder)): (path.stat().st_mode, path.read_bytes())
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.mark.parametrize("member_mode", ["add", "mirror"])
def test_dry_run_makes_no_ledger_and_no_folder(
    programs: Programs, account: str, tmp_path: Path, member_mode: str
) -> None:
    settings: dict[str, Any] = {"ad_account_id": account, "dry_run": True}
    settings["member_mode"] = member_mode
    audience = record(name="New", audience_type="VISITOR", rule={"visitor_source_id": "1"})
    for url in ({}, {"ledger_url": f"sqlite:///{tmp_path}/some/ledger.db"}):
        run = programs.target([schema(), audience, SCHEMA, person(1)], **settings, **url)
        assert "Traceback" not in run.err
        assert "1 added" in run.err or member_mode == "mirror", run.err
    assert {path.name for path in tmp_path.iterdir()} == {"target.json"}


def test_dry_run_changes_nothing_beside_the_ledger(
    programs: Programs, account: str, tmp_path: Path
) -> None:
    folder = tmp_path / "ledger"
    folder.mkdir(mode=0o755)
    settings = {"ad_account_id": account, "ledger_url": f"sqlite:///{folder}/ledger.db"}
    assert programs.target([SCHEMA, person(1)], **settings).code == 0
    (folder / "ledger.db").chmod(0o444)
    before = files(folder)
    run = programs.target([SCHEMA, person(1), person(2)], **settings, dry_run=True)
    assert run.code == 0, run.err
    assert "1 unchanged" in run.err
    assert "1 added" in run.err
    assert files(folder) == before


def test_dry_run_needs_no_write_permission(
    programs: Programs, account: str, tmp_path: Path
) -> None:
    folder = tmp_path / "closed"
    folder.mkdir(mode=0o755)
    url = f"sqlite:///{folder}/ledger.db"
    assert programs.target([SCHEMA, person(1)], ad_account_id=account, ledger_url=url).code == 0
    folder.chmod(0o555)
    if os.access(folder, os.W_OK):
        pytest.skip("this user may write everywhere")
    for ledger in (url, f"sqlite:///{folder}/new/ledger.db"):
        paths = {"rejected_path": f"{folder}/rejected", "ledger_url": ledger}
        lines = [SCHEMA, person(1), person(2)]
        run = programs.target(lines, ad_account_id=account, dry_run=True, **paths)
        assert run.code == 0, run.err
        assert f"{1 if ledger == url else 0} unchanged" in run.err


def test_dry_run_keeps_the_temporary_file_beside_rejected_path(
    programs: Programs, account: str, tmp_path: Path
) -> None:
    left = tmp_path / ".rejected.tmp"
    left.write_text("half of it")
    settings = {"ad_account_id": account, "rejected_path": str(tmp_path / "rejected")}
    assert programs.target([SCHEMA, person(1)], **settings, dry_run=True).code == 0
    assert left.read_text() == "half of it"
