"""The commands of the older pages do what the pages say, with files and accounts made for them.

`test_docs_commands` runs the pages that need nothing but the emulator and its variables.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from docs_blocks import ROOT, block
from docs_shell import PORT, check, write
from logins import APP, browser, free_port
from people import audiences, digest, email, members
from programs import Programs, record, schema

from demo.postgres import running_postgres

if TYPE_CHECKING:
    from pathlib import Path

    from pinterest_emulator.testing import Emulator

TOKEN = {"access_token": "pina_demo"}
POSTGRES = [
    ROOT / ".meltano" / plugin / "venv" / "bin"
    for plugin in ("extractors/tap-postgres", "loaders/target-postgres")
]


def lines(*messages: dict[str, Any]) -> str:
    return "".join(f"{json.dumps(each)}\n" for each in messages)


def engagement(name: str, days: int = 30) -> dict[str, Any]:
    rule = {"engagement_domain": ["shop.example"], "retention_days": days}
    return {"name": name, "audience_type": "ENGAGEMENT", "rule": rule}


def writes(emulator: Emulator) -> int:
    return sum(entry["method"] != "GET" for entry in emulator.requests())


def names(emulator: Emulator, account: str) -> set[str]:
    return {each["name"] for each in audiences(emulator, account)}


@pytest.fixture
def settings(emulator: Emulator, account: str, tmp_path: Path) -> dict[str, Any]:
    """Settings of a target that has an ad account and a ledger of its own."""
    ledger = f"sqlite:///{tmp_path}/ledger.db"
    return {**TOKEN, "api_url": emulator.url, "ad_account_id": account, "ledger_url": ledger}


def test_dry_run_of_the_target_page_writes_nothing(
    emulator: Emulator, settings: dict[str, Any], tmp_path: Path
) -> None:
    write(tmp_path, "audiences.singer", lines(schema(), record(**engagement("Saved a Pin"))))
    write(tmp_path, "target.json", {**settings, "dry_run": True})
    dry_run = block("docs/target.md", "target-pinterest-audiences --config target.json < audiences")
    check([dry_run], tmp_path, {})
    assert writes(emulator) == 0


def test_copy_of_the_target_page_has_the_audiences_of_the_other_account(
    emulator: Emulator, settings: dict[str, Any], programs: Programs, tmp_path: Path
) -> None:
    (other,) = emulator.seed(ad_accounts=1, audiences=0)
    made = [schema(), record(**engagement("One")), record(**engagement("Two"))]
    assert programs.target(made, ad_account_id=other).code == 0
    read = {**TOKEN, "api_url": emulator.url, "ad_account_ids": [other]}
    write(tmp_path, "a.json", read)
    write(tmp_path, "b.json", {**settings, "override_ad_account": True})
    check([block("docs/target.md", "tap-pinterest-audiences --config a.json")], tmp_path, {})
    assert names(emulator, settings["ad_account_id"]) == {"One", "Two"}


def test_rejected_records_are_applied_as_the_target_page_says(
    emulator: Emulator, settings: dict[str, Any], programs: Programs, tmp_path: Path
) -> None:
    rejected = tmp_path / "rejected.singer"
    settings |= {"rejected_path": str(rejected), "max_rejected": 1}
    run = programs.target([schema(), record(**engagement("Late", days=999))], **settings)
    assert run.code == 0, run.err
    rejected.write_text(rejected.read_text().replace("999", "60"))
    write(tmp_path, "target.json", settings)
    again = block("docs/target.md", "target-pinterest-audiences --config target.json < rejected")
    check([again], tmp_path, {})
    assert names(emulator, settings["ad_account_id"]) == {"Late"}
    assert not rejected.exists()


def test_command_of_the_report_page_writes_its_files(
    emulator: Emulator, settings: dict[str, Any], tmp_path: Path
) -> None:
    write(tmp_path, "audiences.singer", lines(schema(), record(**engagement("Saved a Pin"))))
    shown = json.loads(block("docs/report.md", '{"ad_account_id"').text)
    write(tmp_path, "target.json", {**shown, **settings})
    check([block("docs/report.md", "target-pinterest-audiences --config")], tmp_path, {})
    assert "Saved a Pin" in (tmp_path / "plan.html").read_text()
    assert json.loads((tmp_path / "plan.json").read_text())["dry_run"] is True
    assert writes(emulator) == 0


def test_commands_of_the_login_page_log_in_and_out(demo: Emulator, tmp_path: Path) -> None:
    shown = json.loads(block("docs/login.md", '{"client_id"').text)
    token = tmp_path / "token.json"
    write(tmp_path, "login.json", {**shown, **APP, "api_url": demo.url, "token_path": str(token)})
    variables = {
        f"TAP_PINTEREST_AUDIENCES_{name.upper()}": text
        for name, text in {**APP, "api_url": demo.url}.items()
    }
    login = block("docs/login.md", "pinterest-audiences login --config login.json")
    steps = [
        login,
        block("docs/login.md", "pinterest-audiences login --config ENV"),
        block("docs/login.md", "pinterest-audiences status"),
        login,
        block("docs/login.md", "pinterest-audiences logout"),
    ]
    check(
        steps,
        tmp_path,
        {
            "login --config": f"login --port {free_port()} --config",
            "/var/lib/pinterest/token.json": str(token),
        },
        env={**variables, "BROWSER": browser(tmp_path)},
    )
    assert len(demo.requests("token/revoke")) == 4
    assert [*(tmp_path / "state" / "pinterest-audiences").glob("login-*.json")]


@pytest.fixture
def lake(settings: dict[str, Any], tmp_path: Path) -> Path:
    """A folder in place of an object store, with a table of customers."""
    (tmp_path / "lake" / "customers").mkdir(parents=True)
    table = pa.table({"email": [email(number) for number in range(5)]})
    pq.write_table(table, tmp_path / "lake" / "customers" / "1.parquet")
    write(tmp_path, "config.json", settings)
    return tmp_path / "lake"


def test_members_sync_of_the_scale_page_plans_and_sends_and_forgets(
    emulator: Emulator, account: str, lake: Path
) -> None:
    swaps = {"s3://lake": str(lake)}
    sync = block("docs/scale.md", "pip install '.[bulk]'")
    check([sync], lake.parent, swaps)
    assert writes(emulator) == 0
    check([sync], lake.parent, {**swaps, "--dry-run": ""})
    assert members(emulator, account) == {digest(email(number)) for number in range(5)}
    write(lake.parent, "people.txt", f"{email(1)}\n")
    check([block("docs/scale.md", "pinterest-audiences members ledger forget")], lake.parent, swaps)
    emulator.clear()
    check([sync], lake.parent, {**swaps, "--dry-run": ""})
    assert writes(emulator) == 1


def test_members_sync_of_the_readme_plans(emulator: Emulator, lake: Path) -> None:
    check(
        [block("README.md", "pinterest-audiences members sync")],
        lake,
        {"config.json": "../config.json"},
    )
    assert writes(emulator) == 0


def test_stream_map_of_the_readme_renames_a_table(
    emulator: Emulator, settings: dict[str, Any], programs: Programs
) -> None:
    shown = yaml.safe_load(block("README.md", "config:").text)["config"]
    table = [schema("public-audiences"), record("public-audiences", **engagement("Saved a Pin"))]
    run = programs.target(table, **settings, **shown)
    assert run.code == 0, run.err
    assert names(emulator, settings["ad_account_id"]) == {"Saved a Pin"}


@pytest.mark.skipif(not shutil.which("curl"), reason="curl is not installed, so nobody called it")
def test_emulator_answers_what_the_readme_asks(demo: Emulator, tmp_path: Path) -> None:
    port = demo.base.rpartition(":")[2]
    # Without --fail, curl succeeds at any answer.
    swaps = {PORT: port, "curl ": "curl --silent --fail --noproxy '*' "}
    before = demo.advance(0)
    check([block("README.md", "curl localhost")], tmp_path, swaps)
    assert demo.advance(0) - before >= 3600
    assert [fault["kind"] for fault in demo.faults()] == ["drop_after"]


@pytest.mark.skipif(
    not all(folder.exists() for folder in POSTGRES), reason="`make install` installs tap-postgres"
)
def test_pipes_of_the_readme_load_a_warehouse_and_read_it(
    demo: Emulator, settings: dict[str, Any], tmp_path: Path
) -> None:
    (account,) = demo.seed(ad_accounts=1, audiences=0)
    pipes = block("README.md", "tap-pinterest-audiences --config tap.json")
    write(tmp_path, "tap.json", {**TOKEN, "api_url": demo.url})
    write(tmp_path, "state.json", {})
    maps = yaml.safe_load(block("README.md", "config:").text)["config"]
    write(
        tmp_path, "target.json", {**settings, **maps, "api_url": demo.url, "ad_account_id": account}
    )
    with running_postgres() as postgres, postgres.connect() as warehouse:
        rule = json.dumps(engagement("")["rule"])
        warehouse.execute(
            "CREATE TABLE public.audiences (name text, audience_type text, rule text)"
        )
        warehouse.execute("INSERT INTO public.audiences VALUES ('One', 'ENGAGEMENT', %s)", [rule])
        server = {
            key.removeprefix("PG").lower(): text for key, text in postgres.environment().items()
        }
        write(
            tmp_path,
            "postgres.json",
            {**server, "port": int(server["port"]), "default_target_schema": "pinterest"},
        )
        write(tmp_path, "catalog.json", selected(tmp_path, "public-audiences"))
        check([pipes], tmp_path, {}, programs=POSTGRES)
        (count,) = warehouse.execute("SELECT count(*) FROM pinterest.audiences").fetchone() or (0,)
    assert count == 671
    assert names(demo, account) == {"One"}


def selected(folder: Path, stream: str) -> dict[str, Any]:
    """Return the catalog that ``tap-postgres`` makes, with one stream selected."""
    config = str(folder / "postgres.json")
    command = [str(POSTGRES[0] / "tap-postgres"), "--config", config, "--discover"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    catalog: dict[str, Any] = json.loads(done.stdout)
    for each in catalog["streams"]:
        each["replication_method"] = "FULL_TABLE"
        for entry in each["metadata"]:
            if not entry["breadcrumb"]:
                entry["metadata"]["selected"] = each["tap_stream_id"] == stream
    return catalog
