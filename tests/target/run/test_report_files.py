"""A report as HTML or Markdown, written by the console scripts, and looked at in a browser."""

from __future__ import annotations

import json
import os
import stat
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, ClassVar

import pytest
from markdown_it import MarkdownIt
from people import email, person
from programs import record, schema
from report_summaries import VALIDATOR, change, of_list, summary, updated

from target_pinterest_audiences.report.page import page

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from bulk_runs import Bulk
    from programs import Programs
    from webdriver import Browser

    from pinterest_emulator.testing import Emulator

ENGAGED: dict[str, Any] = {"audience_type": "ENGAGEMENT", "rule": {"engager_type": 1}}
ODD = "<img src=x onerror=alert(1)></td><script>document.title='x'</script> | `b` **c** [d](e)"
VISIBLE = """return [...document.querySelectorAll("tbody tr[class]")]
    .filter(row => row.checkVisibility()).map(row => row.className)"""


@pytest.fixture
def ours(programs: Programs, account: str) -> Programs:
    programs.settings["ad_account_id"] = account
    return programs


def changes() -> list[dict[str, Any]]:
    """Records of which two change something and one cannot."""
    return [
        schema(),
        schema("audience_members"),
        record(name=ODD, **ENGAGED),
        record(name="Old", description="Now"),
        record(name="Bad", audience_type="PERSONA", rule={}),
        *map(person, range(3)),
    ]


def written(programs: Programs, name: str, *, dry_run: bool) -> str:
    """Run the target and return the report that it writes beside the JSON."""
    folder = programs.folder / "reports"
    folder.mkdir(exist_ok=True)
    before = [schema(), record(name="Old", description="Then", **ENGAGED)]
    assert programs.target(before).code == 0
    mask = os.umask(0o022)
    try:
        run = programs.target(changes(), report_path=str(folder / name), dry_run=dry_run)
    finally:
        os.umask(mask)
    assert run.code == 1
    shown, data = folder / name, folder / "plan.json"
    assert {*folder.iterdir()} == {shown, data}
    assert [stat.S_IMODE(path.stat().st_mode) for path in (shown, data)] == [0o644, 0o644]
    said = json.loads(data.read_text())
    VALIDATOR.validate(said)
    assert [item["action"] for item in said["changes"]][:3] == ["created", "updated", "rejected"]
    assert said["dry_run"] == dry_run
    return shown.read_text()


@pytest.mark.parametrize("dry_run", [True, False])
@pytest.mark.parametrize("name", ["plan.html", "plan.MD"])
def test_report_is_written_beside_the_json(ours: Programs, name: str, *, dry_run: bool) -> None:
    text = written(ours, name, dry_run=dry_run)
    shown = text if name == "plan.html" else MarkdownIt("commonmark").enable("table").render(text)
    assert ("DRY RUN: nothing was written" in shown) == dry_run
    for part in ("Old", "Then", "Now", "Bad", "Customers", "Exit code 1", "incomplete"):
        assert part in shown, part
    assert "<script" not in shown
    assert "<img" not in shown
    for private in ("shop0.example", email(0).strip()):
        assert private not in text.lower()


def test_members_sync_writes_the_page_too(bulk: Bulk) -> None:
    bulk.customers([email(number) for number in range(120)] + ["nobody"])
    path = bulk.folder / "sync.html"
    run = bulk.sync(report_path=str(path), max_rejected=1)
    assert run.code == 0, run.err
    text = path.read_text()
    assert "All was done. Exit code 0." in text
    assert "120 sent, now or before; matched: " in text
    assert "1 rejected: <bdi>the email has no @" in text
    said = json.loads(path.with_suffix(".json").read_text())
    assert said["exit_code"] == 0
    assert said["counts"]["added"] == 120
    assert bulk.sync(report_path=str(path)).code == 1
    assert "Not all was done. Exit code 1." in path.read_text()
    assert "1 rows were rejected" in path.read_text()


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"report_path": "target.html"}, "also writes target.json beside it, and that file is"),
        ({"report_path": "target.json"}, "target.json is there and is no report"),
        ({"report_path": "."}, "report_path . is a folder: name a file in it"),
        ({"report_path": "a.html", "rejected_path": "a.json"}, "replace the file of rejected_path"),
        ({"report_path": "a.md", "rejected_path": "./a.md"}, "replace the file of rejected_path"),
        ({"report_path": "a.json", "token_path": "a.json"}, "replace the file of token_path"),
    ],
)
def test_report_replaces_no_file_that_is_something_else(
    emulator: Emulator, ours: Programs, settings: dict[str, str], complaint: str
) -> None:
    # Relative paths are those of the folder in which the target runs, which has its target.json.
    run = ours.target([schema(), record(name="A", **ENGAGED)], **settings)
    assert run.code == 1
    assert complaint in run.complaints[-1]
    assert emulator.requests() == []
    assert "report_path" in json.loads((ours.folder / "target.json").read_text())


def test_report_replaces_an_older_report(ours: Programs) -> None:
    lines = [schema(), record(name="A", **ENGAGED)]
    for name in ("plan.html", "plan.md", "plan.json", "plan.html"):
        run = ours.target(lines, report_path=name)
        assert run.code == 0, run.err


class Handler(SimpleHTTPRequestHandler):
    """Serves a file, and notes what is asked for."""

    asked: ClassVar[list[str]] = []

    def log_message(self, *_args: object) -> None:
        """Print nothing."""

    def do_GET(self) -> None:
        self.asked.append(self.path)
        super().do_GET()


@pytest.fixture
def site(tmp_path: Path) -> Iterator[str]:
    """The address of the folder of reports."""
    folder = tmp_path / "reports"
    folder.mkdir()
    Handler.asked.clear()
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(folder))) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
        thread.join()


def test_page_filters_without_a_script_and_asks_for_nothing(
    ours: Programs, browser: Browser, site: str
) -> None:
    source = written(ours, "plan.html", dry_run=True)
    browser.open(f"{site}plan.html")

    # Nothing is loaded or run, not even what an attacker would have brought onto the page.
    assert browser.script("return document.title") == "What would change at Pinterest"
    assert browser.script("return performance.getEntriesByType('resource').length") == 0
    assert ODD in browser.script("return document.querySelector('tr.created th').textContent")
    attack = """const done = arguments[1], seen = []
        document.addEventListener("securitypolicyviolation", event => {
            seen.push(event.effectiveDirective)
            if (seen.length === 4) done(seen.sort())
        })
        for (const [tag, name, value] of [["img", "src", arguments[0] + "stolen.png"],
            ["script", "text", "document.title = 'run'"],
            ["script", "src", arguments[0] + "stolen.js"],
            ["div", "style", "background: url(" + arguments[0] + "stolen.css)"]]) {
            const made = document.createElement(tag)
            if (name === "text") made.text = value; else made.setAttribute(name, value)
            document.body.append(made)
        }"""
    blocked = ["img-src", "script-src-elem", "script-src-elem", "style-src-attr"]
    assert browser.script_until_done(attack, site) == blocked
    assert browser.script("return document.title") == "What would change at Pinterest"
    assert Handler.asked == ["/plan.html"]

    browser.open(f"{site}plan.html")
    everything = ["rejected", "created", "created", "updated"]
    for width in (1200, 400):
        browser.resize(width)
        assert browser.script(VISIBLE) == everything
        browser.click("label:has(#only-created)")
        assert browser.script(VISIBLE) == ["created", "created"]
        browser.type("#only-updated", " ")  # by the keyboard
        assert browser.script(VISIBLE) == ["created", "created", "updated"]
        browser.click("button[type=reset]")
        assert browser.script(VISIBLE) == everything
    assert "<script" not in source
    assert " onclick" not in source


def test_page_fits_into_a_phone_and_names_its_parts(browser: Browser, tmp_path: Path) -> None:
    counts = dict.fromkeys(summary()["counts"], 123_456_789)
    streams = ("audiences", "audience_sharing", "audience_members")
    shown = summary(
        [
            updated("description", "a" * 300, "b" * 300, name="c" * 300, audience_id="1" * 20),
            change("rejected", code="d" * 40, reason="e" * 300),
        ],
        [of_list(audience_name="f" * 180, added=123_456_789, size=12_345_678, people_missing=0)],
        streams=dict.fromkeys(streams, counts),
        exit_code=1,
        failures=["g" * 300],
    )
    path = tmp_path / "plan.html"
    path.write_text("".join(page(shown, "plan.json")))
    browser.open(path.as_uri())
    for width in (1200, 800, 400, 320):
        browser.resize(width)
        assert browser.script("return document.documentElement.scrollWidth") <= width
    browser.resize(400)
    wide = (
        "return [...document.querySelectorAll('.scroll')].map(e => e.scrollWidth - e.clientWidth)"
    )
    assert max(browser.script(wide)) <= 60

    # A table keeps its meaning where style shows its rows as blocks.
    assert browser.role("table.changes") == "table"
    assert browser.role("table.changes tbody th") == "rowheader"
    assert browser.role("table.changes tbody td") == "cell"
    assert browser.label("#only-updated") == "updated 1"
    assert "123,456,789 sent" in browser.label("section svg")
