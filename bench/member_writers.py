"""The contestants that fill one customer list with members.

The floor hashes what Singer records hold and sends it, and remembers nobody. With a ledger the
target remembers who was sent, so it sends only changes: the runs ``unchanged`` and ``1,000
changed`` follow a first run. Which hashes arrived is checked after each run.
"""

from __future__ import annotations

import functools
import shutil
from typing import TYPE_CHECKING, Any

from bench import inputs
from bench.contest import Contestant
from bench.measure import Command
from bench.parts import BIN, TOKEN, write_json
from bench.readers import peer

if TYPE_CHECKING:
    from pathlib import Path

    from bench.contest import Run

FLOOR = "floor: msgspec + hashlib + requests"
TEMPLATE = "template SDK target"
OWN = "this target"
FORMS = {"records": "records", "jsonl": "jsonl.gz", "parquet": "Parquet"}
DATABASE, FILES = "ledger.db", "ledger"
CHANGED = 1000
"""Members of the run ``1,000 changed``: half of them are removed, half of them are new."""

_digest = functools.cache(inputs.digest_of_members)


def member_writers() -> list[Contestant]:
    """Return all contestants."""
    return [
        Contestant("hashlib alone: nothing is sent", _hashes_only, lambda _: None),
        Contestant(FLOOR, _floor, _check_all),
        Contestant("polars + hashlib + requests, Parquet", _polars, _check_all),
        Contestant(TEMPLATE, _template, _check_all),
        *[
            contestant
            for form, name in FORMS.items()
            for contestant in (
                Contestant(f"{OWN}, {name}", functools.partial(_own, form=form), _check_all),
                Contestant(
                    f"{OWN}, {name}, ledger",
                    functools.partial(_first, form=form),
                    functools.partial(_keep_ledger, form=form),
                ),
                Contestant(
                    f"{OWN}, {name}, ledger, unchanged",
                    functools.partial(_again, form=form),
                    functools.partial(_check_changes, form=form, changed=0),
                ),
            )
        ],
        Contestant(
            f"{OWN}, Parquet, ledger of files",
            functools.partial(_first, form="parquet", ledger=FILES),
            functools.partial(_keep_ledger, form="parquet", ledger=FILES),
        ),
        Contestant(
            f"{OWN}, Parquet, ledger of files, unchanged",
            functools.partial(_again, form="parquet", ledger=FILES),
            functools.partial(_check_changes, form="parquet", changed=0, ledger=FILES),
        ),
        Contestant(
            f"{OWN}, records, ledger, 1,000 changed",
            functools.partial(_again, form="changed"),
            functools.partial(_check_changes, form="records", changed=CHANGED // 2),
        ),
    ]


def input_of(run: Run, form: str) -> Path:
    """Return the input of a run, which the first one of its size writes."""
    singer, count = run.shared / f"{form}-{run.rows}.singer", run.rows
    if singer.exists():
        return singer
    if form == "text":
        return inputs.write_text(singer, count)
    if form in {"parquet", "jsonl"}:
        return inputs.write_batches(run.shared, count, form)
    gone = min(CHANGED // 2, count) if form == "changed" else 0
    records = inputs.members(count, gone, inputs.emails(gone))
    return inputs.write_records(singer, "audience_members", inputs.MEMBERS, records)


def _hashes_only(run: Run) -> Command:
    return peer("bench-floor", "hash_members.py").reading(input_of(run, "text"))


def _floor(run: Run) -> Command:
    script = peer("bench-floor", "write_members_floor.py", run.url, run.empty_account)
    return script.reading(input_of(run, "records"))


def _polars(run: Run) -> Command:
    input_of(run, "parquet")
    files = str(run.shared / f"parquet-{run.rows}-*")
    return peer("bench-floor", "write_members_polars.py", run.url, run.empty_account, files)


def _template(run: Run) -> Command:
    return template_target(run).reading(input_of(run, "records"))


def template_target(run: Run) -> Command:
    """Return the command of the template's target."""
    config = {"access_token": TOKEN, "api_url": run.url, "ad_account_id": run.empty_account}
    path = write_json(run.folder / "config.json", config)
    return peer("bench-template", "template_target.py", "--config", str(path))


def own_target(run: Run, account: str, **settings: Any) -> Command:  # noqa: ANN401
    """Return the command of this project's target."""
    config = {"access_token": TOKEN, "api_url": run.url, "ad_account_id": account, **settings}
    path = write_json(run.folder / "config.json", config)
    program = str(BIN / "target-pinterest-audiences")
    return Command([program, "--config", str(path)], env={"HOME": str(run.folder)})


def _own(run: Run, form: str) -> Command:
    return own_target(run, run.empty_account, ledger_url="").reading(input_of(run, form))


def _url(run: Run, ledger: str) -> str:
    return ("sqlite:///" if ledger == DATABASE else "file://") + str(run.folder / ledger)


def _copy(ledger: Path, to: Path) -> None:
    if ledger.is_dir():
        shutil.rmtree(to, ignore_errors=True)
        shutil.copytree(ledger, to)
    else:
        shutil.copy(ledger, to)


def _first(run: Run, form: str, ledger: str = DATABASE) -> Command:
    target = own_target(run, run.empty_account, ledger_url=_url(run, ledger))
    return target.reading(input_of(run, form))


def _keep_ledger(run: Run, form: str, ledger: str = DATABASE) -> None:
    _check_all(run)
    _copy(run.folder / ledger, run.shared / f"{form}.{ledger}")
    (run.shared / f"{form}.{ledger}.account").write_text(run.empty_account)


def _again(run: Run, form: str, ledger: str = DATABASE) -> Command:
    before = f"{'records' if form == 'changed' else form}.{ledger}"
    _copy(run.shared / before, run.folder / ledger)
    account = (run.shared / f"{before}.account").read_text()
    return own_target(run, account, ledger_url=_url(run, ledger)).reading(input_of(run, form))


def _check_all(run: Run) -> None:
    _expect(run, run.empty_account, {"added": run.rows, "digest": _digest(run.rows)})


def _check_changes(run: Run, form: str, changed: int, ledger: str = DATABASE) -> None:
    account = (run.shared / f"{form}.{ledger}.account").read_text()
    changed = min(changed, run.rows)
    _expect(run, account, {"added": changed, "removed": changed})


def _expect(run: Run, account: str, expected: dict[str, Any]) -> None:
    found = run.server.written(account)
    if not expected.items() <= found.items():
        message = f"the server received {found} instead of {expected}"
        raise SystemExit(message)
