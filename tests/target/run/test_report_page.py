"""The HTML page of a report: what it says, and that no value becomes markup."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import given
from report_summaries import ODD_TEXT, change, of_list, summary, updated

from target_pinterest_audiences.report.differences import printable
from target_pinterest_audiences.report.page import MOST_CHANGES, page

TAGS = set(
    re.findall(
        r"\w+",
        "html head meta link title style body header main footer div section h1 h2 h3 p span bdi "
        "ins del dl dt dd ul li table caption thead tbody tr th td form fieldset legend label "
        "input b button svg rect line wbr",
    )
)


class Page(HTMLParser):
    """What is on a page.

    Attributes:
        tags: The names of its elements.
        rows: The texts of the cells of its changes.
        text: All its text.
    """

    def __init__(self, shown: dict[str, Any]) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: list[tuple[str, str]] = []
        self.rows: list[list[str]] = []
        self.text = ""
        self._in_style = self._in_cell = False
        self.source = "".join(page(shown, "plan.json"))
        self.feed(self.source)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += [(name, value or "") for name, value in attrs]
        self._in_style = tag == "style"
        if ("role", "row") in attrs:
            self.rows.append([])
        if ("role", "cell") in attrs or ("role", "rowheader") in attrs:
            self.rows[-1].append("")
            self._in_cell = True

    def handle_endtag(self, tag: str) -> None:
        self._in_style = False
        if tag in {"td", "th"}:
            self._in_cell = False

    def handle_data(self, data: str) -> None:
        if self._in_style:
            return
        self.text += data
        if self._in_cell:
            self.rows[-1][-1] += data


def changes_of(shown: dict[str, Any]) -> list[list[str]]:
    return Page(shown).rows[1:]


@given(ODD_TEXT, ODD_TEXT, ODD_TEXT)
def test_no_value_becomes_markup(name: str, field: str, new: str) -> None:
    found = Page(
        summary(
            [
                updated(field, "old", {name: new}, name=name, audience_id=name),
                change("rejected", name=new, code=field, reason=name),
                change("shared", recipients={field: [name]}, ad_account_id=new),
            ],
            [of_list(audience_name=name, rejected={field: 1}, status=new)],
            failures=[name],
            unmentioned_lists=[
                {
                    "ad_account_id": name,
                    "customer_list_id": field,
                    "audience_name": new,
                    "members": 1,
                }
            ],
        )
    )
    assert found.tags <= TAGS
    assert len(found.rows) == 4
    assert all(len(row) == 3 for row in found.rows[1:])
    assert printable(name) in found.rows[-2][1]
    assert not {attribute for attribute, _ in found.attributes if attribute.startswith("on")}
    assert not {attribute for attribute, _ in found.attributes} & {"src", "style", "action"}
    assert {value for name, value in found.attributes if name == "href"} == {"data:,"}
    assert all(letter.isprintable() or letter == "\n" for letter in found.text)


def test_what_must_not_be_missed_comes_first() -> None:
    actions = ["created", "updated", "shared", "deferred", "rejected", "revoked", "removed"]
    rows = changes_of(summary([change(action) for action in actions]))
    first = ["removed", "revoked", "rejected", "deferred", "created", "updated", "shared"]
    assert [row[0].split("audiences")[0] for row in rows] == first


def test_changes_show_each_field_before_and_after() -> None:
    (row,) = changes_of(summary([updated("rule", {"a": [1], "b": ""}, {"a": [2], "c": ""})]))
    assert row[2] == (
        "rule.a: before: [1] → , now: [2]rule.b: before: (empty) (gone)rule.c: (empty)"
    )


def test_too_many_changes_are_counted_loudly_and_removals_are_kept() -> None:
    many = [change("created", number + 1) for number in range(MOST_CHANGES + 1234)]
    found = Page(summary([*many, change("removed", 9_999)]))
    assert len(found.rows) == 1 + MOST_CHANGES
    assert found.rows[1][0] == "removedaudiences 9,999"
    assert "1,235 of 6,235 changes are not listed here. plan.json has them all." in found.text
    assert "created 4,999 of 6,234" in found.text


def test_page_is_made_in_small_pieces() -> None:
    changes = [updated("a", "b" * 300, "c" * 300) for _ in range(MOST_CHANGES)]
    assert max(map(len, page(summary(changes), "plan.json"))) < 20_000


def test_many_fields_and_lists_are_counted_loudly() -> None:
    rule = {f"field{number}": number for number in range(60)}
    lists = [of_list(customer_list_id=str(number)) for number in range(203)]
    found = Page(summary([change("created", fields={"rule": {"old": None, "new": rule}})], lists))
    failures = [f"reason {number}" for number in range(25)]
    assert "reason 195 more reasons" in Page(summary(exit_code=1, failures=failures)).text
    assert "10 more fields differ" in found.rows[1][2]
    assert "3 more lists are not shown here" in found.text
    assert found.source.count('class="list"') == 200


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({}, "All was done. Exit code 0."),
        ({"dry_run": True}, "All would be done. Exit code 0."),
        ({"exit_code": 1, "failures": ["3 rejected"]}, "Not all was done. Exit code 1.3 rejected"),
        (
            {"exit_code": 1, "error": "HTTP 401"},
            "The run ended early, so this report is not complete. Exit code 1.HTTP 401",
        ),
        (
            {"exit_code": 75, "error": "rate limit"},
            "so this report is not complete. Run it again later to go on. Exit code 75.rate limit",
        ),
        (
            {"exit_code": 143, "error": "stopped by a signal"},
            "so this report is not complete. Run it again to go on. Exit code 143.",
        ),
    ],
)
def test_page_says_how_the_run_ended(more: dict[str, Any], said: str) -> None:
    found = Page(summary(**more))
    assert said in found.text
    assert ("DRY RUN: nothing was written" in found.text) == bool(more.get("dry_run"))
    assert ("class", "verdict bad" if more.get("exit_code") else "verdict") in found.attributes


@pytest.mark.parametrize(
    ("more", "label"),
    [
        (
            {"added": 9, "size": 600, "size_before": 500, "people_missing": 0},
            "9 sent, now or before; matched: 600 (before: 500); enough, 100 are needed; 0 rejected",
        ),
        (
            {"added": 20, "already_there": 50, "size": 60, "people_missing": 40},
            "70 sent, now or before; matched: 60; 40 missing to 100; 0 rejected",
        ),
        (
            {"added": 1, "rejected": {"no_at": 2, "too_long": 3}},
            "1 sent, now or before; matched: not known yet; 100 are needed; 5 rejected",
        ),
    ],
)
def test_bar_of_a_list_says_what_it_shows(more: dict[str, Any], label: str) -> None:
    found = Page(summary(lists=[of_list(**more)]))
    assert ("aria-label", label) in found.attributes
    widths = [float(v.rstrip("%")) for n, v in found.attributes if n in {"width", "x"} if "." in v]
    assert all(0 <= width <= 100 for width in widths)
    assert 'class="gap" x1' in found.source or not more.get("people_missing", 100)
    for reason in more.get("rejected", {}):
        assert f"{more['rejected'][reason]} rejected: the " in found.text


def test_rejected_members_without_a_list_are_counted() -> None:
    counts = {**summary()["counts"], "rejected": 5}
    found = Page(
        summary(lists=[of_list(rejected={"no_at": 2})], streams={"audience_members": counts})
    )
    assert "3 rejected records of members belong to no list of this run" in found.text
