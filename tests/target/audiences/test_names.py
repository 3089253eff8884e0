"""Names that look the same are equal, and placeholders are not names."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from programs import record, schema, state

from pinterest_emulator.data.store import Store
from pinterest_emulator.endpoints import audiences
from target_pinterest_audiences.input.names import clean_name, is_placeholder, name_key

if TYPE_CHECKING:
    from collections.abc import Callable

    from programs import Programs

    from pinterest_emulator.testing import Emulator

ENGAGED: dict[str, Any] = {"audience_type": "ENGAGEMENT", "rule": {"engager_type": 1}}
NAME = "Café Fans"
LOOKALIKES = [
    "Café Fans       ",
    "\tCafé Fans\r\n",
    "\N{NO-BREAK SPACE}Café\N{NO-BREAK SPACE}Fans\N{NO-BREAK SPACE}",
    "Café\N{NARROW NO-BREAK SPACE}Fans",
    "Café\N{IDEOGRAPHIC SPACE}Fans",
    unicodedata.normalize("NFD", NAME),
    "\ufeffCafé Fans",
    "Café\N{ZERO WIDTH SPACE} Fans\N{ZERO WIDTH NON-JOINER}",
    "Ca\N{SOFT HYPHEN}fé \N{WORD JOINER}Fans\x00",
    "\N{LEFT-TO-RIGHT MARK}Cafe\N{ZERO WIDTH JOINER}\N{COMBINING ACUTE ACCENT} Fans",
]
OTHERS = ["café fans", "Cafe Fans", "CaféFans", "Café Fans 2", "Café-Fans"]
PLACEHOLDERS = [
    *("NULL", "null", "None", " none ", "nan", "NaN", "NaT", "#N/A", "n/a", "N/A", "\\N", "<NA>"),
    *("(null)", "undefined", "#REF!", "#VALUE!", "#DIV/0!", "#NAME?", "#NUM!", "#NULL!", "#n/a"),
    *("NULL      ", "\N{NO-BREAK SPACE}NaN", "nan\N{ZERO WIDTH SPACE}", "(NULL)", "[null]"),
]


def names(emulator: Emulator, account: str, kind: str = "audiences") -> list[str]:
    return [item["name"] for item in emulator.state()[kind][account]]


def writes(emulator: Emulator) -> list[dict[str, Any]]:
    return [entry for entry in emulator.requests() if entry["method"] != "GET"]


@pytest.fixture
def ours(programs: Programs, account: str) -> Programs:
    programs.settings |= {"ad_account_id": account}
    return programs


@pytest.mark.parametrize("name", LOOKALIKES)
def test_names_that_look_the_same_have_one_key(name: str) -> None:
    assert name_key(name) == NAME


def test_names_that_look_different_have_different_keys() -> None:
    assert len({name_key(name) for name in [NAME, *OTHERS]}) == len(OTHERS) + 1


def test_clean_name_keeps_what_is_inside() -> None:
    assert clean_name("\ufeff  Cafe\u0301\N{NO-BREAK SPACE}Fans \u200b") == "Café\u00a0Fans"
    family = "\N{MAN}\N{ZERO WIDTH JOINER}\N{WOMAN} \N{HEAVY BLACK HEART}\N{VARIATION SELECTOR-16}"
    assert clean_name(family) == family


def test_flags_of_two_countries_are_two_names() -> None:
    england, scotland = (
        "\N{WAVING BLACK FLAG}" + "".join(chr(0xE0000 + ord(letter)) for letter in tag)
        for tag in ("gbeng\x7f", "gbsct\x7f")
    )
    assert name_key(england) != name_key(scotland)


@given(st.text())
def test_key_and_clean_name_are_stable(name: str) -> None:
    key, clean = name_key(name), clean_name(name)
    assert (name_key(key), name_key(clean)) == (key, key)
    assert clean_name(clean) == clean


@pytest.mark.parametrize("text", PLACEHOLDERS)
def test_placeholder_is_recognised(text: str) -> None:
    assert is_placeholder(text)


@pytest.mark.parametrize("text", ["NA", "Nona", "Nullarbor", "None of these", "#1", "", "nan 2"])
def test_ordinary_name_is_not_a_placeholder(text: str) -> None:
    assert not is_placeholder(text)


def test_lookalike_names_create_one_audience(
    emulator: Emulator, ours: Programs, account: str
) -> None:
    lines = [schema(), *(record(name=name, **ENGAGED) for name in [*LOOKALIKES, NAME])]
    run = ours.target(lines)
    assert run.code == 0, run.err
    assert names(emulator, account) == [NAME]
    emulator.clear()
    for name in LOOKALIKES:
        lines = [schema(), record(name=name, **ENGAGED)]
        assert ours.target(lines).code == 0
    assert writes(emulator) == []


def test_case_makes_a_different_audience(emulator: Emulator, ours: Programs, account: str) -> None:
    ours.target([schema(), *(record(name=name, **ENGAGED) for name in [NAME, *OTHERS])])
    assert sorted(names(emulator, account)) == sorted([NAME, *OTHERS])


def test_audience_with_a_lookalike_name_is_found_and_not_renamed(
    emulator: Emulator, ours: Programs, account: str
) -> None:
    odd = LOOKALIKES[2]
    store = emulator._state.store  # noqa: SLF001  (the target would make it with a clean name)
    made = store.create_audience(int(account), {"name": odd, **ENGAGED}, now=1, ready_at=1)
    lines = [schema(), record(name=NAME, description="By name"), record(id=made.id, name=NAME)]
    run = ours.target(lines)
    assert run.code == 0, run.err
    assert [entry["body"] for entry in writes(emulator)] == [{"description": "By name"}]
    assert names(emulator, account) == [odd]


def test_seeds_and_sharing_find_a_lookalike_name(
    emulator: Emulator, ours: Programs, account: str
) -> None:
    other = account
    (own,) = emulator.seed(ad_accounts=1, audiences=1)
    (seed,) = (item["id"] for item in emulator.state()["audiences"][own])
    odd = "Generated\N{NO-BREAK SPACE}visitors 1\ufeff"
    grown = {"seed_name": odd, "country": "US", "percentage": 3}
    lines = [
        schema(),
        schema("audience_sharing"),
        record(name="Like", audience_type="ACTALIKE", rule=grown),
        record(
            "audience_sharing",
            audience_name=odd,
            recipient_account_ids=other,
            operation_type="SHARE",
        ),
    ]
    run = ours.target(lines, ad_account_id=own)
    assert run.code == 0, run.err
    assert emulator.state()["audiences"][own][1]["rule"]["seed_id"] == [seed]
    assert list(emulator.state()["shared_accounts"]) == [seed]


def test_record_with_a_lookalike_of_a_deferred_name_is_deferred(
    ours: Programs, emulator: Emulator, account: str
) -> None:
    grown: dict[str, Any] = {"country": "US", "percentage": 3}
    lines = [
        schema(),
        record(name="Fresh", **ENGAGED),
        record(name="Like\ufeff", audience_type="ACTALIKE", rule={"seed_name": "Fresh", **grown}),
        record(name="Liker", audience_type="ACTALIKE", rule={"seed_name": "Like\u00a0", **grown}),
    ]
    run = ours.target(lines)
    assert "0 rejected, 2 deferred" in run.err, run.err
    assert names(emulator, account) == ["Fresh"]


def test_lookalike_names_create_one_customer_list(
    emulator: Emulator, ours: Programs, account: str
) -> None:
    members = [
        record("audience_members", audience_name=name, email=f"{number}@shop.example")
        for number, name in enumerate(LOOKALIKES)
    ]
    lines = [schema("audience_members"), *members]
    for _ in range(2):
        run = ours.target(lines)
        assert run.code == 0, run.err
        assert names(emulator, account, "customer_lists") == [clean_name(LOOKALIKES[0])]
        assert names(emulator, account) == [clean_name(LOOKALIKES[0])]
    (made,) = emulator.state()["customer_lists"][account]
    assert len(emulator.members(made["id"])) == len(LOOKALIKES)


def test_placeholders_are_rejected_in_every_name_column(
    emulator: Emulator, ours: Programs, account: str
) -> None:
    ours.target([schema(), record(name="Old", **ENGAGED)])
    (old,) = (item["id"] for item in emulator.state()["audiences"][account])
    emulator.clear()
    grown: dict[str, Any] = {
        "audience_type": "ACTALIKE",
        "rule": {"country": "US", "percentage": 3},
    }
    bad = [
        *(record(name=name, **ENGAGED) for name in PLACEHOLDERS),
        record(name="NULL", operation_type="REMOVE"),
        record(id=old, name="#N/A"),
        record(name="Old", description="nan"),
        record(name="New", description="(null)", **ENGAGED),
        record(name="Like", seed_name="None", **grown),
        record(name="List", audience_type="CUSTOMER_LIST", customer_list_name="\\N  "),
        record("audience_sharing", audience_name="nan", recipient_account_ids="1"),
        record("audience_members", audience_name="NaN", email="a@shop.example"),
    ]
    report = ours.folder / "report.json"
    streams = [schema(), schema("audience_sharing"), schema("audience_members")]
    run = ours.target([*streams, *bad], report_path=str(report), member_mode="add")
    assert run.code == 1
    assert f"{len(bad)} rejected" in run.err
    assert run.err.count("stands for a missing value") >= 9
    assert writes(emulator) == []


def test_placeholder_that_pinterest_has_is_left_alone(
    emulator: Emulator, ours: Programs, account: str
) -> None:
    store = emulator._state.store  # noqa: SLF001  (the target would not make it)
    fields: dict[str, Any] = {"name": "None", "description": "n/a", **ENGAGED}
    made = store.create_audience(int(account), fields, now=1, ready_at=1)
    run = ours.target([schema(), record(id=made.id, **fields)])
    assert run.code == 0, run.err
    assert "1 unchanged" in run.err


@pytest.mark.parametrize("blank", ["   ", "\N{NO-BREAK SPACE}", "\ufeff\N{ZERO WIDTH SPACE}"])
def test_name_without_visible_characters_is_missing(
    emulator: Emulator, ours: Programs, blank: str
) -> None:
    lines = [
        schema(),
        record(name=blank, **ENGAGED),
        record(name="New", seed_name=blank, customer_list_name=blank, **ENGAGED),
    ]
    run = ours.target(lines)
    assert "1 created, 0 updated, 0 unchanged, 0 removed, 1 rejected" in run.err
    assert "neither id nor name" in run.err
    assert [entry["body"]["name"] for entry in writes(emulator)] == ["New"]


def renaming(monkeypatch: pytest.MonkeyPatch, method: str) -> None:
    """Make the emulator return another name than the one sent."""
    make: Callable[..., Any] = getattr(Store, method)

    def renamed(store: Store, account: int, fields: dict[str, Any], **rest: Any) -> Any:
        return make(store, account, {**fields, "name": fields["name"].upper()}, **rest)

    monkeypatch.setattr(Store, method, renamed)


@pytest.mark.parametrize(
    ("method", "line"),
    [
        ("create_audience", record(name="Loyal", **ENGAGED)),
        (
            "create_customer_list",
            record("audience_members", audience_name="Loyal", email="a@shop.example"),
        ),
    ],
)
def test_run_fails_if_pinterest_creates_another_name(
    ours: Programs, monkeypatch: pytest.MonkeyPatch, method: str, line: dict[str, Any]
) -> None:
    renaming(monkeypatch, method)
    run = ours.target([schema(), schema("audience_members"), line, state(1), line, state(2)])
    assert run.code == 1
    assert run.state == {}
    assert "of 'Loyal' with the name 'LOYAL'" in run.complaints[0]
    assert "Traceback" not in run.err


def test_run_fails_if_pinterest_changes_to_another_name(
    emulator: Emulator, ours: Programs, account: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours.target([schema(), record(name="Loyal", **ENGAGED)])
    (key,) = (item["id"] for item in emulator.state()["audiences"][account])
    monkeypatch.setattr(audiences, "_changed", lambda audience, _body, _now: audience)
    run = ours.target([schema(), record(id=key, name="Faithful"), state(1)])
    assert (run.code, run.state) == (1, {})
    assert "of 'Faithful' with the name 'Loyal'" in run.complaints[0]
