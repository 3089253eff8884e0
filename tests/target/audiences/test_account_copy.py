"""Copying an ad account's audiences to another one."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
from programs import BIN, Run, environment, record, schema, selecting, statuses

from pinterest_audiences.api.operations import CREATE_AUDIENCE, UPDATE_AUDIENCE

if TYPE_CHECKING:
    from programs import Programs

    from pinterest_audiences.api.client import PinterestAPI
    from pinterest_emulator.testing import Emulator

TAG_A, TAG_B = "2612511566001", "2612511566002"
DAY = 86_400
OTHER_IN_A_COPY = (
    *("id", "ad_account_id", "created_timestamp", "updated_timestamp", "size", "status"),
    "created_by_company_name",
)


@pytest.fixture
def accounts(emulator: Emulator) -> tuple[str, str]:
    """The source and the destination ad account; each has one list."""
    a, b = emulator.seed(ad_accounts=2, audiences=0, customer_lists=2)
    return a, b


@pytest.fixture
def lists(emulator: Emulator, accounts: tuple[str, str]) -> tuple[str, str]:
    """The customer lists of the two."""
    there = emulator.state()["customer_lists"]
    return there[accounts[0]][0]["id"], there[accounts[1]][0]["id"]


@pytest.fixture
def copying(programs: Programs, accounts: tuple[str, str]) -> Programs:
    """The programs, with settings for a copy."""
    programs.settings |= {
        "ad_account_id": accounts[1],
        "override_ad_account": True,
        "report_path": str(programs.folder / "report.json"),
    }
    return programs


def make(api: PinterestAPI, account: str, name: str, kind: str, **fields: Any) -> str:
    """Make an audience; ``description`` is one of its fields, all others are of its rule."""
    description = fields.pop("description", None)
    body = {"name": name, "audience_type": kind, "description": description, "rule": fields}
    said = {key: value for key, value in body.items() if value is not None}
    made = api.request(CREATE_AUDIENCE, {"ad_account_id": account}, body=said).data
    return str(made["id"])


def change(api: PinterestAPI, account: str, audience_id: str, **body: Any) -> None:
    api.request(UPDATE_AUDIENCE, {"ad_account_id": account, "audience_id": audience_id}, body=body)


def copied(account: str, key: str, name: str, **fields: Any) -> dict[str, Any]:
    """A record of another ad account, as the tap makes it."""
    made = {"audience_type": "VISITOR", "rule": {"visitor_source_id": TAG_A}, **fields}
    return record(id=key, name=name, ad_account_id=account, **made)


def there(emulator: Emulator, account: str) -> list[dict[str, Any]]:
    audiences: list[dict[str, Any]] = emulator.state()["audiences"][account]
    return audiences


def writes(emulator: Emulator) -> list[tuple[str, int]]:
    sent = [entry for entry in emulator.requests() if entry["method"] != "GET"]
    return list(statuses(sent).elements())


def changes(programs: Programs) -> list[dict[str, Any]]:
    said = json.loads((programs.folder / "report.json").read_text())
    found: list[dict[str, Any]] = said["changes"]
    return found


def piped(programs: Programs, account: str, **settings: Any) -> Run:
    """Run tap | grep | target, as in the documentation."""
    catalog = programs.file("selected.json", selecting(["audiences"]))
    tap_settings = {
        **{key: programs.settings[key] for key in ("access_token", "api_url")},
        "ad_account_ids": [account],
    }
    tap_config = programs.file("a.json", tap_settings)
    target_config = programs.file("b.json", {**programs.settings, **settings})
    env = environment(programs.folder)
    with (
        subprocess.Popen(
            [BIN / "tap-pinterest-audiences", "--config", tap_config, "--catalog", catalog],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=env,
        ) as tap,
        subprocess.Popen(
            ["grep", "-v", '"stream":"ad_accounts"'],  # noqa: S607
            stdin=tap.stdout,
            stdout=subprocess.PIPE,
        ) as grep,
        subprocess.Popen(
            [BIN / "target-pinterest-audiences", "--config", target_config],
            stdin=grep.stdout,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=env,
        ) as target,
    ):
        for process in (tap, grep):
            assert process.stdout
            process.stdout.close()
        out, err = target.communicate(timeout=60)
        assert tap.wait(60) == 0
    return Run(target.returncode, out, err)


def as_read(programs: Programs, account: str, names: dict[str, str]) -> list[str]:
    """The tap's records of an ad account without fields that a copy does not keep, in any order.

    ``names`` gives the common name of an id in both accounts; audiences use their names.
    """
    read = programs.tap(streams=["audiences"], ad_account_ids=[account]).records("audiences")
    names = names | {item["id"]: item["name"] for item in read}
    for item in read:
        rule = item["rule"]
        for field in ("visitor_source_id", "customer_list_id"):
            if field in rule:
                rule[field] = names[rule[field]]
        if "seed_id" in rule:
            rule["seed_id"] = [names[seed] for seed in rule["seed_id"]]
        for field in OTHER_IN_A_COPY:
            item.pop(field)
    return sorted(json.dumps(item, sort_keys=True) for item in read)


def test_ad_account_is_copied_through_a_pipe_and_a_second_copy_writes_nothing(
    emulator: Emulator,
    api: PinterestAPI,
    copying: Programs,
    accounts: tuple[str, str],
    lists: tuple[str, str],
) -> None:
    a, b = accounts
    make(api, a, "Newsletter", "CUSTOMER_LIST", customer_list_id=lists[0])
    make(api, a, "Twin", "VISITOR", visitor_source_id=TAG_A, description="One")
    make(api, a, "Twin", "VISITOR", visitor_source_id=TAG_A, retention_days=30)
    make(api, a, "Twin", "VISITOR", visitor_source_id=TAG_A, description="One")
    make(api, a, "Twin", "ENGAGEMENT", engager_type=1)
    first_seed = make(api, a, "Engaged", "ENGAGEMENT", engager_type=2, pin_id=["77"])
    emulator.advance(DAY)
    grown = {"country": "US", "percentage": 3}
    like = make(api, a, "Like them", "ACTALIKE", seed_id=[first_seed], **grown)
    for number in (1, 2):  # the emulator finds the next two too small to be a seed
        make(api, a, f"Small {number}", "ENGAGEMENT", engager_type=1)
    seed = make(api, a, "Readers", "ENGAGEMENT", engagement_domain=["shop.example"])
    emulator.advance(DAY)
    change(api, a, like, rule={"seed_id": [seed, first_seed], **grown})
    settings = {
        "id_map": {TAG_A: TAG_B, lists[0]: lists[1]},
        "rejected_path": str(copying.folder / "rejected.singer"),
    }

    first = piped(copying, a, **settings)
    assert first.code == 0, first.err
    assert "9 created, 0 updated, 0 unchanged, 0 removed, 0 rejected, 1 deferred" in first.err
    emulator.advance(DAY)
    second = piped(copying, a, **settings)
    assert second.code == 0, second.err
    assert "1 created, 0 updated, 9 unchanged, 0 removed, 0 rejected;" in second.err
    assert not (copying.folder / "rejected.singer").exists()

    names = {TAG_A: "the tag", TAG_B: "the tag", **dict.fromkeys(lists, "the list")}
    assert as_read(copying, b, names) == as_read(copying, a, names)
    emulator.clear()
    third = piped(copying, a, **settings)
    assert third.code == 0, third.err
    assert "10 unchanged" in third.err
    assert writes(emulator) == []


def test_foreign_ids_are_mapped_or_named_in_the_rejection(
    emulator: Emulator, copying: Programs, accounts: tuple[str, str]
) -> None:
    a, b = accounts
    rules: list[dict[str, Any]] = [
        {"visitor_source_id": ["5001"]},
        {"customer_list_id": "5002"},
        {"engager_type": 1, "ad_id": ["1", "5003"]},
        {"engager_type": 1, "campaign_id": ["5004"]},
        {"seed_id": ["5005"], "country": "US", "percentage": 1},
    ]
    kinds = ["VISITOR", "CUSTOMER_LIST", "ENGAGEMENT", "ENGAGEMENT", "ACTALIKE"]
    lines = [
        copied(a, str(number), f"Audience {number}", audience_type=kind, rule=rule)
        for number, (kind, rule) in enumerate(zip(kinds, rules, strict=True), 1)
    ]
    pins = {"engager_type": 1, "pin_id": ["5006"], "ad_account_id": a, "ad_id": ["1"]}
    lines.append(copied(a, "9", "Pins", audience_type="ENGAGEMENT", rule=pins))
    run = copying.target([schema(), *lines], id_map={"1": "2"})
    assert run.code == 1
    said = {change["name"]: change for change in changes(copying)}
    assert said.pop("Pins")["action"] == "created"
    assert {change["code"] for change in said.values()} == {"unmapped_id"}
    for number, field in enumerate(
        ["visitor_source_id", "customer_list_id", "ad_id", "campaign_id", "seed_id"], 1
    ):
        assert f"rule.{field} 500{number} belongs" in said[f"Audience {number}"]["reason"]
    (made,) = there(emulator, b)
    assert made["rule"] == {**pins, "ad_account_id": b, "ad_id": ["2"]}


def test_name_of_a_seed_outside_the_input_is_requested_once(
    emulator: Emulator, api: PinterestAPI, copying: Programs, accounts: tuple[str, str]
) -> None:
    a, b = accounts
    seed = make(api, a, "Seed", "ENGAGEMENT", engager_type=1)
    here = make(api, b, "Seed", "ENGAGEMENT", engager_type=1)
    emulator.advance(DAY)
    emulator.clear()
    lines = [
        copied(
            a,
            str(number),
            f"Like {number}",
            audience_type="ACTALIKE",
            rule={"seed_id": [seed], "country": "US", "percentage": number},
        )
        for number in (1, 2, 3)
    ]
    run = copying.target([schema(), *lines])
    assert run.code == 0, run.err
    assert [audience["rule"]["seed_id"] for audience in there(emulator, b)[1:]] == [[here]] * 3
    assert [entry["path"] for entry in emulator.requests("audiences/get")] == [
        f"/v5/ad_accounts/{a}/audiences/{seed}"
    ]


def test_invalid_id_is_rejected_and_never_sent(
    emulator: Emulator, copying: Programs, accounts: tuple[str, str]
) -> None:
    grown = {"country": "US", "percentage": 1}
    seeds: list[Any] = ["person@shop.example", "../1", "", {"a": 1}]
    lines = [
        copied(
            accounts[0], "1", str(number), audience_type="ACTALIKE", rule={"seed_id": s, **grown}
        )
        for number, s in enumerate(seeds)
    ]
    run = copying.target([schema(), *lines])
    assert run.code == 1
    assert [change["code"] for change in changes(copying)] == ["bad_rule_value"] * len(seeds)
    assert {entry["operation"] for entry in emulator.requests()} == {"audiences/list"}
    assert "shop.example" not in run.err


def test_removal_of_another_account_matches_by_name_and_own_records_match_by_id(
    emulator: Emulator, api: PinterestAPI, copying: Programs, accounts: tuple[str, str]
) -> None:
    a, b = accounts
    for name in ("Gone", "Kept"):
        make(api, b, name, "ENGAGEMENT", engager_type=1)
    kept = there(emulator, b)[1]["id"]
    lines = [
        schema(),
        record(id="1", ad_account_id=a, operation_type="REMOVE"),
        record(id="2", ad_account_id=a, name="Gone", operation_type="REMOVE"),
        record(id="3", ad_account_id=a, name="Never there", operation_type="REMOVE"),
        record(id=kept, ad_account_id=b, name="Renamed"),
    ]
    run = copying.target(lines)
    assert run.code == 1
    assert "0 created, 1 updated, 1 unchanged, 1 removed, 1 rejected" in run.err
    (rejected,) = [change for change in changes(copying) if change["action"] == "rejected"]
    assert (rejected["record"], rejected["code"]) == (1, "no_name")
    assert [audience["name"] for audience in there(emulator, b)] == ["Renamed"]


def test_removal_of_one_of_several_copies_is_rejected_unless_all_have_another_source(
    emulator: Emulator, api: PinterestAPI, copying: Programs, accounts: tuple[str, str]
) -> None:
    a, b = accounts
    for days in (1, 2):
        make(api, b, "Twin", "VISITOR", visitor_source_id=TAG_A, retention_days=days)
    gone = record(id="9", ad_account_id=a, name="Twin", operation_type="REMOVE")
    one, other = (
        copied(a, str(days), "Twin", rule={"visitor_source_id": TAG_A, "retention_days": days})
        for days in (1, 2)
    )
    settings = {"id_map": {TAG_A: TAG_A}, "on_ambiguous": "newest"}
    assert copying.target([schema(), gone, one], **settings).code == 1
    assert [change["code"] for change in changes(copying)] == ["ambiguous_name"]
    assert copying.target([schema(), gone, one, other], **settings).code == 0
    assert len(there(emulator, b)) == 2


def test_audiences_with_the_same_name_keep_their_own_copies_in_any_order(
    emulator: Emulator, api: PinterestAPI, copying: Programs, accounts: tuple[str, str]
) -> None:
    a, b = accounts
    id_map = {TAG_A: TAG_B}
    changed = make(api, b, "Twin", "VISITOR", visitor_source_id=TAG_B, retention_days=1)
    same = make(api, b, "Twin", "VISITOR", visitor_source_id=TAG_B, retention_days=2)
    lines = [
        schema(),
        copied(a, "1", "Twin", rule={"visitor_source_id": TAG_A, "retention_days": 9}),
        copied(a, "2", "Twin", rule={"visitor_source_id": TAG_A, "retention_days": 2}),
    ]
    run = copying.target(lines, id_map=id_map)
    assert run.code == 0, run.err
    assert {item["id"]: item["rule"]["retention_days"] for item in there(emulator, b)} == {
        changed: 9,
        same: 2,
    }
    new = copied(a, "3", "Twin", rule={"visitor_source_id": TAG_A, "retention_days": 3})
    other_type = copied(
        a, "4", "Twin", audience_type="ENGAGEMENT", rule={"engager_type": 1}, description="Last"
    )
    run = copying.target([schema(), new, other_type, *lines[1:]], id_map=id_map)
    assert run.code == 0, run.err
    assert [item["rule"].get("retention_days") for item in there(emulator, b)] == [9, 2, 3, None]


def test_lookalike_uses_the_copy_of_its_own_seed_among_equal_names(
    emulator: Emulator, api: PinterestAPI, copying: Programs, accounts: tuple[str, str]
) -> None:
    a, b = accounts
    make(api, b, "Seed", "ENGAGEMENT", engager_type=1)
    right = make(api, b, "Seed", "ENGAGEMENT", engager_type=2)
    emulator.advance(DAY)
    grown = {"seed_id": ["12"], "country": "US", "percentage": 1}
    lines = [
        schema(),
        copied(a, "13", "Like them", audience_type="ACTALIKE", rule=grown),
        copied(
            a,
            "12",
            "Seed",
            audience_type="ENGAGEMENT",
            rule={"engager_type": 2},
            description="Changed",
        ),
        copied(a, "11", "Seed", audience_type="ENGAGEMENT", rule={"engager_type": 1}),
    ]
    run = copying.target(lines)
    assert run.code == 0, run.err
    assert there(emulator, b)[1]["description"] == "Changed"
    assert there(emulator, b)[2]["rule"]["seed_id"] == [right]


def test_token_that_expires_during_a_foreign_lookup_ends_the_run(
    emulator: Emulator, copying: Programs, accounts: tuple[str, str]
) -> None:
    emulator.fault(operation="audiences/get", kind="status", status=401, code=2)
    grown = {"seed_id": ["12"], "country": "US", "percentage": 1}
    like = copied(accounts[0], "13", "Like them", audience_type="ACTALIKE", rule=grown)
    run = copying.target([schema(), like])
    assert run.code == 1
    assert "HTTP 401" in json.loads((copying.folder / "report.json").read_text())["error"]


def test_forbidden_other_account_gives_no_seed_names(
    emulator: Emulator, copying: Programs, accounts: tuple[str, str]
) -> None:
    emulator.fault(operation="audiences/get", kind="status", status=403, code=29)
    grown = {"seed_id": ["12"], "country": "US", "percentage": 1}
    like = copied(accounts[0], "13", "Like them", audience_type="ACTALIKE", rule=grown)
    run = copying.target([schema(), like])
    assert run.code == 1
    (change,) = changes(copying)
    assert change["code"] == "unmapped_id"
    assert "rule.seed_id 12 " in change["reason"]
