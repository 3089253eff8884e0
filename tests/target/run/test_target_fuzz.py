"""Thousands of valid and invalid records through the console script."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]
from people import call
from programs import schema

from pinterest_emulator.testing import Emulator

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from programs import Programs

    Strategy = st.SearchStrategy[Any]

MANY = 10
"""Records for each example."""
AUDIENCES, SHARINGS = 4000, 1000

# What may be sent (Pinterest OpenAPI 5.23): its AudienceCreateRequest, AudienceUpdateRequest,
# SharedAudience and BusinessSharedAudience, and AudienceCreateCustomRequest of 5.18. Where its
# schema and its examples of a rule disagree, the form that this target chose. Ids are as 5.28 has
# them: longer, and some are no digits.
_ID = {"type": "string", "pattern": "^[0-9]{1,20}$"}
_LONG_ID = {"type": "string", "pattern": "^[0-9]{1,100}$"}
_OPEN_ID = {"type": "string", "pattern": "^[0-9A-Za-z_-]{1,100}$"}
_TEXT = {"type": "string", "pattern": r"\S"}
_TEXTS = {"type": "array", "items": _TEXT, "minItems": 1}


def _whole(low: int, high: int) -> dict[str, Any]:
    return {"type": "integer", "minimum": low, "maximum": high}


def _ids(member: Mapping[str, Any] = _ID) -> dict[str, Any]:
    return {"type": "array", "items": member, "minItems": 1}


def _closed(required: str = "", **properties: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": required.split(),
        "additionalProperties": False,
    }


def _source(*words: str) -> dict[str, Any]:
    return _closed("=", **{"=": {"type": "array", "items": {"enum": words}, "minItems": 1}})


_OBJECTIVES = [
    *("AWARENESS", "CONSIDERATION", "WEB_CONVERSION", "CATALOG_SALES", "VIDEO_COMPLETION", "SALES"),
    *("VIDEO_VIEW", "WEB_SESSIONS", "APP_INSTALL", "CTV_CONSIDERATION"),
]
_OPERANDS: dict[str, Any] = {
    operator: {"anyOf": [_TEXT, _TEXTS]} for operator in ("=", "!=", "contains", "not_contains")
}
_RULE = _closed(
    ad_account_id=_LONG_ID,
    ad_id=_ids(_OPEN_ID),
    campaign_id=_ids(_OPEN_ID),
    country={"type": "string", "pattern": "^[A-Z]{2}$"},
    customer_list_id=_LONG_ID,
    engagement_domain=_TEXTS,
    engagement_type={"enum": ["click", "save", "closeup", "comment", "like"]},
    engager_type=_whole(1, 2),
    event=_TEXT,
    event_data={"type": "object"},
    event_source=_source("web", "mobile", "offline"),
    ingestion_source=_source("tag", "mmp", "file_upload", "conversions_api"),
    objective_type={"type": "array", "items": {"enum": _OBJECTIVES}, "minItems": 1},
    percentage=_whole(1, 10),
    pin_id=_ids(_OPEN_ID),
    prefill={"type": "boolean"},
    retention_days=_whole(1, 540),
    seed_id=_ids(_LONG_ID),
    url={
        "anyOf": [
            _TEXT,
            _TEXTS,
            _closed(**_OPERANDS) | {"minProperties": 1},
        ]
    },
    visitor_source_id={"anyOf": [_OPEN_ID, _ids(_OPEN_ID) | {"minItems": 2}]},
)
_RULE_NEEDS = {
    "ACTALIKE": ["seed_id", "country", "percentage"],
    "CUSTOMER_LIST": ["customer_list_id"],
    "ENGAGEMENT": [],
    "VISITOR": ["visitor_source_id"],
}
_CREATE = _closed(
    "audience_type name rule",
    audience_type={"enum": list(_RULE_NEEDS)},
    name=_TEXT,
    description=_TEXT,
    rule=_RULE,
) | {
    "allOf": [
        {
            "if": {"properties": {"audience_type": {"const": kind}}},
            "then": {"properties": {"rule": {"required": needs}}},
        }
        for kind, needs in _RULE_NEEDS.items()
    ]
}
_SHARED = {"audience_id": _ID, "operation_type": {"enum": ["SHARE", "REVOKE"]}}
BODIES = {
    "audiences/create": _CREATE,
    "audiences/create_custom": _closed(
        "sharing_type name rule data_party",
        sharing_type={"enum": ["CUSTOM", "SYNDICATED"]},
        data_party={"enum": ["1p", "3p"]},
        category=_TEXT,
        name=_TEXT,
        rule=_RULE,
    ),
    "audiences/update": {
        "anyOf": [
            _closed(name=_TEXT, description={"type": "string"}, rule=_RULE) | {"minProperties": 1},
            _closed("operation_type", operation_type={"const": "REMOVE"}),
        ]
    },
    **dict.fromkeys(
        (
            "update_ad_account_to_ad_account_shared_audience",
            "update_business_to_ad_account_shared_audience",
        ),
        _closed(
            "audience_id operation_type recipient_account_ids",
            recipient_account_ids=_ids(),
            **_SHARED,
        ),
    ),
    **dict.fromkeys(
        (
            "update_ad_account_to_business_shared_audience",
            "update_business_to_business_shared_audience",
        ),
        _closed(
            "audience_id operation_type recipient_business_ids",
            recipient_business_ids=_ids(),
            **_SHARED,
        ),
    ),
}
VALIDATORS = {name: Draft202012Validator(body) for name, body in BODIES.items()}
_PATH = re.compile(
    r"/v5/(ad_accounts|businesses)/[0-9]{1,20}"
    r"/(customer_lists|audiences(/custom|/[0-9]{1,20}|(/ad_accounts|/businesses)?/shared"
    r"|/shared/accounts)?)"
)
_OVER_NOTHING = re.compile(
    r"there is no (audience|customer list) \d+|audience \d+ is \w+, not READY"
    r"|Invalid (ad account|business) id"
    r"|is longer than \d+ digits|must match the pattern: |must be an array of strings of digits"
)
"""What is refused because of what there is, which a request cannot tell, or because ids were
shorter and had only digits in 5.23, which the emulator follows."""


def _raw(token: str) -> str:
    """Mark a number that only JSON text can hold."""
    return f"@@{token}@@"


def _line(message: object) -> str:
    return re.sub(r'"@@([^"@]*)@@"', r"\1", json.dumps(message)) + "\n"


def _deep(levels: int, *, as_object: bool) -> Any:
    value: Any = "core"
    for _ in range(levels):
        value = {"a": value} if as_object else [value]
    return value


_NUMBERS = [
    *(0, -1, 5, 12, 540, 541, 10**17, 10**18, 10**30, 1.5, -2.5, 1e300),
    *map(_raw, ["1e99999999", "-1e99999999", "1e-99999999", "1E+400", "30.0", "NaN", "-Infinity"]),
]
_WORDS = [
    *("", " ", "\x00", "a\x00b", "\x1b[2J", "\ud800", "a\udfff\ud800", "\u202egnp", "\u0663", "²"),
    *("person@shop.example", "0", "-5", "12", "1e3", "9" * 18, "9" * 19, "9" * 21, "../1", "1/2"),
    *("word " * 2000, "visitor", "VISITOR", "PERSONA", "share", "REVOKE", "REMOVE", "UPDATE"),
    *("{", "[", "[1", "{}", "[]", "null", "[null]", '["1", 2]', '{"visitor_source_id": 26}'),
    *('{"percentage": 1e999999999999999999999}', "{" * 5000, "[" * 5000, '{"a":' * 200 + "1"),
]
_SHAPES: list[Any] = [
    *(None, True, False, [], {}, [[]], [{}], [None], ["12", "13"], [12, "a"], [True], ["\ud800"]),
    *({"=": "web"}, {"=": []}, {"a": {"b": None}}, {"contains": 5}, {"\ud800": 1}, {"": ""}),
    *(_deep(60, as_object=False), _deep(400, as_object=True), _deep(900, as_object=True)),
]
_odd = st.sampled_from([*_NUMBERS, *_WORDS, *_SHAPES]) | st.text(max_size=5) | st.integers()


def _mostly(good: Strategy, *columns: str) -> Strategy:
    """Valid records, records with one to three bad columns, and records of bad columns only."""
    bad = st.dictionaries(st.sampled_from([*columns, "unknown", "_sdc_x"]), _odd, max_size=3)
    one_bad = st.dictionaries(st.sampled_from(columns), _odd, min_size=1, max_size=1)
    return st.one_of(
        good, st.tuples(good, one_bad).map(_joined), st.tuples(good, bad).map(_joined), bad
    )


def _joined(parts: tuple[dict[str, Any], dict[str, Any]]) -> dict[str, Any]:
    return {**parts[0], **parts[1]}


def _with_broken_rules(good: Strategy) -> Strategy:
    """Valid rules, and rules with one or two bad fields."""
    fields = [*_RULE["properties"], "seed_name", "customer_list_name", "colour"]
    broken = st.dictionaries(st.sampled_from(fields), _odd, min_size=1, max_size=2)
    return good | st.tuples(good, broken).map(_joined)


def _audiences(seeds: list[str], lists: list[str]) -> Strategy:
    rules: dict[str, Strategy] = {
        "VISITOR": st.fixed_dictionaries(
            {"visitor_source_id": st.sampled_from(["26", 27, ["26"], _raw("26.0")])},
            optional={
                "retention_days": st.integers(1, 9) | st.just("30"),
                "event": st.sampled_from(["search", "checkout"]),
                "url": st.sampled_from(["/a", ["/a", "/b"], {"contains": "/a"}]),
                "event_data": st.dictionaries(st.sampled_from("ab"), _odd, max_size=2),
                "event_source": st.sampled_from([{"=": "web"}, {"=": ["web", "mobile"]}]),
            },
        ),
        "ENGAGEMENT": st.fixed_dictionaries(
            {"engager_type": st.sampled_from([1, "2"])},
            optional={"engagement_domain": st.just("shop.example"), "pin_id": st.just(["1", 2])},
        ),
        "CUSTOMER_LIST": st.sampled_from(
            [{"customer_list_id": lists[0]}, {"customer_list_name": "Generated customers 2"}]
        ),
        "ACTALIKE": st.fixed_dictionaries(
            {"seed_id": st.sampled_from(seeds), "country": st.just("US"), "percentage": st.just(3)},
        )
        | st.builds(
            dict,
            seed_name=st.sampled_from(["Generated visitors 1", "VISITOR 3", "nobody"]),
            country=st.just("GB"),
            percentage=st.integers(1, 10),
        ),
    }
    goods = [
        st.fixed_dictionaries(
            {
                "name": st.integers(0, 60).map(f"{kind} {{}}".format),
                "audience_type": st.just(kind),
                "rule": _with_broken_rules(rule) | _with_broken_rules(rule).map(_as_text),
            },
            optional={"description": st.sampled_from(["Old", "New", None])},
        )
        for kind, rule in rules.items()
    ]
    good: Strategy = st.one_of(*goods)
    removals: Strategy = st.builds(
        dict, id=st.sampled_from(seeds[4:]) | st.just("1"), operation_type=st.just("REMOVE")
    )
    custom = {"sharing_type": "CUSTOM", "data_party": "1p"}
    columns = (
        *("id", "name", "ad_account_id", "audience_type", "description", "rule", "operation_type"),
        *("_sdc_deleted_at", "sharing_type", "data_party", "category", "seed_name"),
        "customer_list_name",
    )
    return _mostly(good | good | good.map(lambda one: {**one, **custom}) | removals, *columns)


def _as_text(rule: object) -> str:
    return _line(rule).strip()


def _sharings(audiences: list[str], accounts: list[str], businesses: list[str]) -> Strategy:
    some = st.lists(st.sampled_from(accounts), min_size=1, max_size=2)
    good = st.fixed_dictionaries(
        {
            "audience_id": st.sampled_from([*audiences, "1"]),
            "operation_type": st.sampled_from(["SHARE", "REVOKE"]),
            "recipient_account_ids": some | some.map(json.dumps) | st.sampled_from(accounts),
        },
        optional={
            "recipient_business_ids": st.sampled_from(businesses),
            "business_id": st.sampled_from(businesses),
        },
    )
    named = good.map(
        lambda one: {
            **{key: value for key, value in one.items() if key != "audience_id"},
            "audience_name": "VISITOR 3",
        }
    )
    columns = (
        *("audience_id", "audience_name", "ad_account_id", "business_id", "operation_type"),
        *("recipient_account_ids", "recipient_business_ids", "_sdc_deleted_at"),
    )
    return _mostly(good | good | named, *columns)


def _generated(strategy: Strategy, count: int) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []

    @seed(0)
    @settings(
        max_examples=count // MANY,
        phases=[Phase.generate],
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(st.lists(strategy, min_size=MANY, max_size=MANY))
    def note(records: list[dict[str, Any]]) -> None:
        found.extend(records)

    while len(found) < count:
        note()
    return found[:count]


@pytest.fixture
def demo() -> Iterator[Emulator]:
    with Emulator(seed="demo", access="unlimited", processing_seconds=0) as emulator:
        yield emulator


def test_five_thousand_unusual_records_are_counted_and_send_no_forbidden_request(
    demo: Emulator, programs: Programs
) -> None:
    account = demo.seed(ad_accounts=1, audiences=8, customer_lists=2)[0]
    there = demo.state()
    others = [item["id"] for item in there["ad_accounts"]]
    seeds = [item["id"] for item in there["audiences"][account]]
    lists = [item["id"] for item in there["customer_lists"][account]]
    audiences = _generated(_audiences(seeds, lists), AUDIENCES)
    sharings = _generated(_sharings(seeds[:4], others, list(there["businesses"])), SHARINGS)
    lines = [schema(), schema("audience_sharing")]
    lines += [_record("audiences", fields) for fields in audiences]
    lines += [_record("audience_sharing", fields) for fields in sharings]
    recipients = [other for other in others if other != account]
    for audience in seeds[:2]:  # to be revoked: recipients added in the run stay
        share = {"audience_id": audience, "operation_type": "SHARE"}
        body = {**share, "recipient_account_ids": recipients}
        call(demo, "PATCH", f"ad_accounts/{account}/audiences/ad_accounts/shared", body)
    demo.clear()
    report = programs.folder / "report.json"
    run = programs.target(
        "".join(map(_line, lines)),
        api_url=demo.url,
        ad_account_id=account,
        report_path=str(report),
    )
    assert "Traceback" not in run.err, run.err[-3000:]
    assert run.code == 1, run.err[-3000:]
    said = json.loads(report.read_text())
    assert {stream: sum(counts.values()) for stream, counts in said["streams"].items()} == {
        "audiences": AUDIENCES,
        "audience_sharing": SHARINGS,
    }
    ended = ["created", "updated", "unchanged", "removed", "rejected", "shared", "revoked"]
    assert all(said["counts"][action] for action in ended), said["counts"]
    sent = demo.requests()
    assert [entry for entry in sent if not _allowed(entry)] == []
    reasons = {change["reason"] for change in said["changes"] if "HTTP 400" in str(change)}
    assert [reason for reason in reasons if not _OVER_NOTHING.search(reason)] == []
    assert {entry["status"] for entry in sent} <= {200, 400, 403, 404, 405}


def _record(stream: str, fields: dict[str, Any]) -> dict[str, Any]:
    return {"type": "RECORD", "stream": stream, "record": fields}


def _allowed(entry: Mapping[str, Any]) -> bool:
    """Tell whether Pinterest's description allows a request."""
    path = _PATH.fullmatch(entry["path"])
    if path is None:
        return False
    if entry["method"] == "GET":
        audience_id = entry["query"].get("audience_id", "1")
        return re.fullmatch("[0-9]{1,20}", audience_id) is not None
    name = entry["operation"] or "audiences/create_custom"
    return bool(VALIDATORS[name].is_valid(entry["body"]))
