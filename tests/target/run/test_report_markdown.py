"""The Markdown of a report, rendered as a pull request renders it."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import given
from markdown_it import MarkdownIt
from report_summaries import ODD_TEXT, change, of_list, summary, updated

from target_pinterest_audiences.report.differences import printable
from target_pinterest_audiences.report.markdown import MOST_LETTERS, markdown

RENDERER = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
TAGS = {"h1", "h2", "p", "blockquote", "strong", "ul", "li", "code", "br"}
TAGS |= {"table", "thead", "tbody", "tr", "th", "td"}


class Rendered(HTMLParser):
    """A report after rendering.

    Attributes:
        tags: The names of its elements.
        cells: The texts in `code` in each cell of its tables, by row.
        text: All its text.
    """

    def __init__(self, shown: dict[str, Any]) -> None:
        super().__init__()
        self.source = "".join(markdown(shown, "plan.json"))
        self.tags: set[str] = set()
        self.cells: list[list[list[str]]] = []
        self.text = ""
        self._in_code = False
        self.feed(RENDERER.render(self.source))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert {name for name, _ in attrs} <= {"style"}  # the alignment of a column
        self.tags.add(tag)
        if tag == "tr":
            self.cells.append([])
        elif tag in {"td", "th"}:
            self.cells[-1].append([])
        elif tag == "code":
            self._in_code = True
            if self.cells and self.cells[-1]:
                self.cells[-1][-1].append("")

    def handle_endtag(self, tag: str) -> None:
        if tag == "code":
            self._in_code = False

    def handle_data(self, data: str) -> None:
        self.text += data
        if self._in_code and self.cells and self.cells[-1] and self.cells[-1][-1]:
            self.cells[-1][-1][-1] += data


@given(ODD_TEXT, ODD_TEXT, ODD_TEXT)
def test_no_value_becomes_markup(name: str, field: str, new: str) -> None:
    found = Rendered(
        summary(
            [
                updated(field, "old", new, name=name, audience_id=None),
                change("rejected", name=new, code=field, reason=name),
            ],
            [of_list(audience_name=name, rejected={field: 1}, status=new)],
            failures=[name],
            streams={name: summary()["counts"]},
        )
    )
    assert found.tags <= TAGS
    rejected, last = found.cells[-2:]
    assert [len(row) for row in found.cells[-3:]] == [3, 3, 3]
    assert last[1] == [printable(name)] * bool(name)
    assert rejected[2] == [f"{printable(name)} ({printable(field)})"]
    if printable(field) and new not in {"", "old"}:
        assert last[2] == [printable(field), "old", printable(new)]


@pytest.mark.parametrize(
    "name",
    ["@octocat", "octo/cat#1", "https://evil.example", "www.evil.example", "GH-1", ":tada:"],
)
def test_no_value_mentions_or_links(name: str) -> None:
    found = Rendered(summary([change("removed", name=name)]))
    assert found.cells[-1][1] == [name], "inside code, which links and mentions nothing"
    assert not re.search(r"@octocat|cat#1|://|www\.|:tada:", found.source)


def test_changes_show_each_field_before_and_after() -> None:
    old, new = {"a": [1], "b": ""}, {"a": [2], "c": ""}
    source = Rendered(summary([updated("rule", old, new)])).source
    row = source.splitlines()[-1]
    readable = re.sub(r"</?code>", "`", row).replace("&#46;", ".")
    readable = readable.replace("&#91;", "[").replace("&#93;", "]")
    assert readable == (
        "| **updated**<br>`audiences 1` | `A` | `rule.a`: `[1]` → `[2]`<br>"
        "`rule.b`: (empty) → (gone)<br>`rule.c`: (empty) |"
    )


def test_outcome_lists_and_totals_are_shown() -> None:
    few = of_list(added=20, size=64, people_missing=36, rejected={"no_at": 2})
    counts = {**summary()["counts"], "added": 20, "rejected": 2}
    found = Rendered(
        summary(
            lists=[few, of_list(size=100, people_missing=0)],
            dry_run=True,
            exit_code=1,
            failures=["2 records were rejected"],
            counts=counts,
            streams={"audience_members": counts},
        )
    )
    assert "DRY RUN: nothing was written to Pinterest" in found.text
    assert "Not all would be done. Exit code 1." in found.text
    assert "2 records were rejected" in found.text
    assert "██████░░░░ 64; 36 missing to 100" in found.text
    assert "██████████ 100; enough, 100 are needed" in found.text
    assert "2: the email has no @" in found.text
    assert "| added | 20 |" in found.source
    assert found.text.rstrip().endswith("No changes.")


def test_long_report_fits_into_a_comment_and_says_what_is_missing() -> None:
    many = [
        updated("description", "a" * 200, "b" * 200, record=number + 1) for number in range(500)
    ]
    lists = [of_list(audience_name="A" * 180) for _ in range(80)]
    found = Rendered(summary([*many, change("removed", 501)], lists))
    assert len(found.source) < MOST_LETTERS + 500
    assert "30 more lists are not shown here" in found.text
    listed = sum(len(row) == 3 for row in found.cells) - 1
    assert 50 < listed < 500
    assert f"{501 - listed} of 501 changes are not listed here." in found.text
    assert "**removed**" in found.source
