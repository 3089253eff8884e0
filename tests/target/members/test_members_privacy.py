"""No raw identifier leaves the process, at any log level, for any result of a record."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

import pytest
from people import (
    NAME,
    SCHEMA,
    STREAM,
    activate,
    audiences,
    digest,
    digests,
    lists,
    members,
    people,
    person,
    versioned,
)
from programs import Programs, Run, record, schema, state

if TYPE_CHECKING:
    from pathlib import Path

    from pinterest_emulator.testing import Emulator

GOOD = "Good.Zxqvw@Hidden.example"
PHONE = "6D92078A-5EC2-4BA4-AE5B-76104861E7DC"
BAD = {
    "missing": "   ",
    "no_at": "no-at-zxqvwish",
    "many_ats": "two@ats@zxqvwish.example",
    "no_local_part": "@zxqvwish.example",
    "no_domain": "zxqvwive@",
    "half_wrapped": "'zxqvwish@half.example",
    "bad_local_part": "email:zxqvwish@local.example",
    "bad_domain": "zxqvwish@zxqvwish..example",
    "inner_space": "in ner@zxqvwish.example",
    "comma": "one@zxqvwish.example,two",
    "too_long": "long-zxqvwish" * 20 + "@x.example",
    "unknown_hash": "abcdef0123456789" * 3,
}
SECRETS = ("zxqvw", "5EC2-4BA4", "abcdef0123456789")


@pytest.fixture
def ours(emulator: Emulator, account: str, tmp_path: Path) -> Programs:
    """The programs at the most detailed log level, with all possible files."""
    return Programs(
        tmp_path,
        {
            "access_token": "pina_demo",
            "api_url": emulator.url,
            "ad_account_id": account,
            "ledger_url": f"sqlite:///{tmp_path}/ledger.db",
            "report_path": str(tmp_path / "report.json"),
            "rejected_path": str(tmp_path / "rejected.singer"),
            "max_rejected": 0,
        },
    )


@pytest.fixture
def target(ours: Programs) -> Programs:
    return Programs(ours.folder, ours.settings)


def run(programs: Programs, lines: list[dict[str, Any]], **settings: Any) -> Run:
    """Run the target and search all its output and files for identifiers."""
    config = programs.file("target.json", {**programs.settings, **settings})
    text = "".join(json.dumps(line) + "\n" for line in lines)
    done = programs.run(
        "target-pinterest-audiences", "--config", str(config), stdin=text, LOGLEVEL="DEBUG"
    )
    assert "DEBUG" in done.err
    written = {"stdout": done.out.encode(), "stderr": done.err.encode()}
    written |= {
        path.name: path.read_bytes()
        for path in programs.folder.rglob("*")
        if path.is_file() and path != config
    }
    assert {"ledger.db", "report.json"} <= written.keys() or done.code
    for name, content in written.items():
        found = [secret for secret in SECRETS if secret.lower().encode() in content.lower()]
        assert not found, (name, found)
        assert b"pina_demo" not in content, name
    return done


def test_accepted_refused_and_rejected_members_stay_private(
    emulator: Emulator, ours: Programs, account: str
) -> None:
    lines = [
        SCHEMA,
        person(email=GOOD),
        *[person(email=value) for value in BAD.values()],
        person(maid=PHONE),
        person(audience_name="Phones", maid=PHONE),
        person(audience_name="Phones", maid=f"{PHONE}zxqvw"),
        person(email=GOOD, maid=PHONE),
        person(email={"zxqvw": GOOD}),
        person(email=GOOD, operation=f"zxqvw {GOOD}"),
        person(email=GOOD, note="zxqvw"),
        state(1),
    ]
    done = run(ours, lines)
    assert done.code == 1
    assert members(emulator, account) == {digest(GOOD)}
    assert members(emulator, account, "Phones") == {digest(PHONE)}
    text = (ours.folder / "rejected.singer").read_text()
    kept = [json.loads(line) for line in text.splitlines()]
    by_digest = {
        message["record"].get("identifier_sha256"): message["record"] for message in kept[1:]
    }
    for code, value in BAD.items():
        said = by_digest[hashlib.sha256(value.encode()).hexdigest()]
        assert said["_reject_code"] == code
        assert said["audience_name"] == NAME
        assert "email" not in said
    emulator.fault(operation="customer_lists/update", kind="status", status=400, code=1, times=None)
    new = [SCHEMA, person(email="another" + GOOD), person(email=GOOD, operation="REMOVE")]
    assert run(ours, new).code == 1


def test_rate_limit_dry_run_and_mirror_keep_members_private(
    emulator: Emulator, ours: Programs, account: str
) -> None:
    some = [person(email=f"{number}.{GOOD}") for number in range(9)]
    lines = [SCHEMA, *versioned(some, 1), activate(1), state(1)]
    emulator.fault(operation="customer_lists/update", kind="rate_limit", reset=67150)
    assert run(ours, lines, member_batch_size=4).code == 75
    emulator.clear()
    for dry in (True, False):
        assert run(ours, lines, dry_run=dry, member_mode="mirror").code == 0
    fewer = [SCHEMA, *versioned(some[1:], 2), activate(2), state(2)]
    assert run(ours, fewer, member_mode="mirror").code == 0
    assert len(members(emulator, account)) == 8
    few = [SCHEMA, *versioned(some[2:4], 3), activate(3)]
    assert run(ours, few, member_mode="mirror").code == 1


def test_failed_stream_maps_and_split_streams_keep_members_private(ours: Programs) -> None:
    (ours.folder / "rejected.singer").unlink(missing_ok=True)
    columns = {"mail": {"type": "string"}, "age": {"type": "string"}}
    customer: dict[str, Any] = {"mail": GOOD, "age": "zxqvw"}
    lines = [schema("shop", **columns), record("shop", **customer), state(1)]
    for expression in ("int(mail)", "mail + 5", "md5(mail) if int(age) else mail"):
        maps = {
            "shop": {
                "__alias__": STREAM,
                "__else__": None,
                "audience_name": f"'{NAME}'",
                "email": expression,
            }
        }
        done = run(ours, lines, stream_maps=maps)
        assert done.code == 1
        assert done.state == {}
        assert not (ours.folder / "rejected.singer").exists(), "it is not kept"
    maps = {
        STREAM: {
            "__source__": "shop",
            "__else__": None,
            "audience_name": f"'{NAME}'",
            "email": "mail",
        },
        "shop": {"__alias__": "audiences", "__else__": None, "name": "'Bad'"},
    }
    done = run(ours, lines, stream_maps=maps)
    assert done.code == 1
    assert done.state == {}


def test_broken_ledger_and_invalid_input_keep_members_private(ours: Programs) -> None:
    (ours.folder / "ledger.db").write_bytes(b"no database" * 1000)
    assert run(ours, [SCHEMA, person(email=GOOD)]).code == 1
    (ours.folder / "ledger.db").unlink()
    assert run(ours, [SCHEMA, person(email=GOOD), {"type": "ZXQVW", "email": GOOD}]).code == 1
    assert run(ours, [person(email=GOOD)]).code == 1


def replay(target: Programs, **settings: Any) -> Run:
    return target.target(target.folder / "rejected.singer", **settings)


def kept(target: Programs) -> list[dict[str, Any]]:
    path = target.folder / "rejected.singer"
    if not path.exists():
        return []
    messages = [json.loads(line) for line in path.read_text().splitlines()]
    return [message["record"] for message in messages if message["type"] == "RECORD"]


def without_times(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{k: v for k, v in found.items() if k != "_rejected_at"} for found in records]


def test_record_without_identifier_keeps_its_reason_in_every_replay(
    emulator: Emulator, target: Programs, account: str
) -> None:
    lines = [
        SCHEMA,
        *[person(email=value) for value in BAD.values()],
        person(email=GOOD, maid="no"),
        person(email=GOOD, operation="?"),
        person(),
        state(1),
    ]
    first = target.target(lines, max_rejected=99)
    assert first.code == 0, first.err
    assert first.state == {"seen": 1}
    before = kept(target)
    assert len(before) == len(lines) - 2
    for _ in range(3):
        again = replay(target)
        assert again.code == 1
        assert f"{len(before)} rejected" in again.err
        assert without_times(kept(target)) == without_times(before)
    assert lists(emulator, account) == []


def test_stored_member_of_another_type_leaves_the_file_once_the_list_accepts_it(
    target: Programs,
) -> None:
    """Without a ledger a run does not know the earlier members of a list."""
    target.settings["ledger_url"] = ""
    phones = [person(maid=PHONE), person(maid=PHONE.replace("6", "7", 1), operation="REMOVE")]
    first = target.target([SCHEMA, *people(range(2)), *phones, state(1)], max_rejected=9)
    assert first.code == 0, first.err
    assert first.state == {"seen": 1}
    before = kept(target)
    assert [found["_reject_code"] for found in before] == ["other_type"] * 2
    assert before[0]["maid"] == digest(PHONE)
    file = (target.folder / "rejected.singer").read_text()
    for number in (1, 2):
        begin, rest = file.split("\n", 1)
        again = target.target(f"{begin}\n{json.dumps(person(number))}\n{rest}", max_rejected=9)
        assert again.code == 0, again.err
        assert without_times(kept(target)) == without_times(before), "it is still another type"
    assert target.target([SCHEMA, phones[0]]).code == 0, "as the table has it"
    assert without_times(kept(target)) == without_times(before[1:])
    assert replay(target).code == 0
    assert kept(target) == []


def test_stored_member_leaves_the_file_when_the_table_has_it_again(
    emulator: Emulator, target: Programs, account: str
) -> None:
    bad, good = [person(1), person(maid=PHONE)], [person(maid=PHONE)]
    assert target.target([SCHEMA, *bad, state(1)], max_rejected=1).code == 0
    assert len(kept(target)) == 1
    (other,) = emulator.seed(ad_accounts=1, audiences=0)
    assert target.target([SCHEMA, *good], ad_account_id=other).code == 0
    assert len(kept(target)) == 1, "the list belongs to another ad account"
    assert members(emulator, other) == {digest(PHONE)}
    assert audiences(emulator, other)[0]["name"] == NAME
    assert members(emulator, account) == digests([1])
