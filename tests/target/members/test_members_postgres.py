"""Members from a real PostgreSQL by Meltano, and a ledger in a real PostgreSQL."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
from databases import url_of
from people import (
    NAME,
    SCHEMA,
    activate,
    changes,
    digests,
    members,
    people,
    versioned,
    whole_version,
    writes,
)
from programs import Programs, schema, state

from demo.parts import Meltano, running_postgres

if TYPE_CHECKING:
    from collections.abc import Iterator

    from demo.parts import Postgres
    from pinterest_emulator.testing import Emulator

ROOT = Path(__file__).parents[3]
GUIDE = (ROOT / "docs" / "members.md").read_text()
PEOPLE = """
    CREATE SCHEMA IF NOT EXISTS public;
    CREATE TABLE public.customers (id int PRIMARY KEY, mail text, phone text, age int);
    INSERT INTO public.customers
        SELECT n, CASE n % 4 WHEN 0 THEN ' Person.' || n || '@Shop.example '
                             WHEN 1 THEN 'PERSON+' || n || '@SHOP.EXAMPLE'
                             WHEN 2 THEN 'Jürgen.ö' || n || '@MüLLER.example'
                             ELSE 'person' || n || '@shop.example' END,
               '+49 30 ' || n, 40
        FROM generate_series(1, 2000) AS n;
"""


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    with running_postgres() as postgres:
        yield postgres


def test_ledger_in_postgresql_supports_mirrors(
    emulator: Emulator, account: str, postgres: Postgres, tmp_path: Path
) -> None:
    settings = {
        "access_token": "pina_demo",
        "api_url": emulator.url,
        "ad_account_id": account,
        "ledger_url": url_of(postgres),
        "member_mode": "mirror",
    }
    target = Programs(tmp_path, settings)
    run = target.target([*whole_version(range(2000), 1), state(1)])
    assert run.code == 0, run.err
    assert run.state == {"seen": 1}
    emulator.clear()
    assert target.target(whole_version(range(2000), 2)).code == 0
    assert writes(emulator) == []
    refused = target.target([SCHEMA, *versioned(people(range(100)), 3), activate(3), state(3)])
    assert refused.code == 1
    assert refused.state == {}
    assert "1900 of 2000" in refused.err
    assert writes(emulator) == []
    lines = [SCHEMA, *versioned(people(range(100, 2010)), 4), activate(4), state(4)]
    run = target.target(lines)
    assert run.code == 0, run.err
    assert changes(emulator) == [("ADD", 10), ("REMOVE", 100)]
    assert members(emulator, account) == digests(range(100, 2010))
    assert str(postgres.password) not in run.err + refused.err
    assert not list(tmp_path.rglob("ledger.db"))


def test_lost_ledger_database_logs_one_line_without_its_password(
    emulator: Emulator, account: str, postgres: Postgres, tmp_path: Path
) -> None:
    url = sa.make_url(url_of(postgres)).set(password="pass-of-mine", port=1)
    settings = {"access_token": "pina_demo", "api_url": emulator.url, "ad_account_id": account}
    target = Programs(tmp_path, settings)
    ledger = url.render_as_string(hide_password=False)
    run = target.target([SCHEMA, *people(range(9)), state(1)], ledger_url=ledger)
    assert run.code == 1
    assert run.state == {}
    assert "ledger_url" in run.err
    assert "pass-of-mine" not in run.err
    assert "Traceback" not in run.err
    assert writes(emulator) == []


def guide_settings() -> list[dict[str, Any]]:
    """Return the settings in the guide."""
    return [json.loads(text) for text in re.findall(r"^```json\n([^`]+)^```$", GUIDE, re.MULTILINE)]


def test_stream_maps_of_the_guide_work(emulator: Emulator, account: str, tmp_path: Path) -> None:
    (settings,) = guide_settings()
    target = Programs(
        tmp_path,
        {
            "access_token": "pina_demo",
            "api_url": emulator.url,
            "ad_account_id": account,
            "ledger_url": "",
            **settings,
        },
    )
    rows = [
        {"type": "RECORD", "stream": "public-customers", "record": {"mail": f"a{n}@b.example"}}
        for n in range(9)
    ]
    columns = {"mail": {"type": ["string", "null"]}, "age": {"type": ["integer", "null"]}}
    begin = {**schema("public-customers", **columns), "key_properties": ["age"]}
    run = target.target([begin, *rows, state(1)])
    assert run.code == 0, run.err
    assert run.state == {"seen": 1}
    assert len(members(emulator, account)) == 9


def test_meltano_sends_a_table_of_postgresql(
    emulator: Emulator, account: str, postgres: Postgres, tmp_path: Path
) -> None:
    (settings,) = guide_settings()
    with postgres.connect() as connection:
        connection.execute(PEOPLE)
        (expression,) = re.findall(r"`(encode\(.+?'hex'\))`", GUIDE)
        table = " FROM (SELECT mail AS email FROM public.customers) AS customers"
        query = f"SELECT {expression}" + table
        wanted = {row[0] for row in connection.execute(query.encode()).fetchall()}
    assert len(wanted) == 2000
    meltano = Meltano(
        ROOT,
        {
            **postgres.environment(),
            "TARGET_PINTEREST_AUDIENCES_API_URL": emulator.url,
            "TARGET_PINTEREST_AUDIENCES_ACCESS_TOKEN": "pina_demo",
            "TARGET_PINTEREST_AUDIENCES_AD_ACCOUNT_ID": account,
            "TARGET_PINTEREST_AUDIENCES_LEDGER_URL": f"sqlite:///{tmp_path}/ledger.db",
            "TARGET_PINTEREST_AUDIENCES_STREAM_MAPS": json.dumps(settings["stream_maps"]),
            "TAP_POSTGRES_FILTER_SCHEMAS": '["public"]',
            "TAP_POSTGRES__SELECT": '["public-customers.*"]',
        },
    )
    meltano.run("tap-postgres", "target-pinterest-audiences", "--force")
    assert changes(emulator) == [("ADD", 2000)]
    assert members(emulator, account, NAME) == wanted
    with postgres.connect() as connection:
        connection.execute("INSERT INTO public.customers VALUES (0, 'New@Shop.example', '', 1)")
    emulator.clear()
    meltano.run("tap-postgres", "target-pinterest-audiences", "--force")
    assert changes(emulator) == [("ADD", 1)], "the others are not sent again"
