"""The documentation leads to files that exist, and becomes a site."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
MKDOCS = ROOT / ".venv-docs" / "bin" / "mkdocs"
LOADED = re.compile(r"<(?:script|img|link|iframe)\b[^>]*?(?:src|href)=\"?((?:https?:)?//[^\s\">]+)")
LINK = re.compile(r"\]\(([^)#\s]+)")
MODULE = re.compile(r"`((?:pinterest|tap|target)_[a-z_]+/[a-z_/]*(?:\.py)?)`")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_and_modules_of_a_page_exist(page: Path) -> None:
    text = page.read_text()
    links = [link for link in LINK.findall(text) if not link.startswith(("http", "mailto"))]
    missing = [link for link in links if not (page.parent / link).exists()]
    missing += [module for module in MODULE.findall(text) if not (ROOT / module).exists()]
    assert missing == []


@pytest.mark.skipif(not MKDOCS.exists(), reason="the site was not built: run `make docs` once")
def test_site_has_no_broken_link_and_loads_nothing_from_elsewhere(tmp_path: Path) -> None:
    command = [str(MKDOCS), "build", "--strict", "--site-dir", str(tmp_path)]
    built = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr
    pages = {page.relative_to(tmp_path).as_posix(): page for page in tmp_path.rglob("*.html")}
    assert {"index.html", "members.html", "adr/index.html"} <= set(pages)
    loaded = {name: LOADED.findall(page.read_text()) for name, page in pages.items()}
    assert {name: urls for name, urls in loaded.items() if urls} == {}
    # For a link to a repository in the header, the theme asks GitHub.
    assert "md-source" not in pages["index.html"].read_text()
