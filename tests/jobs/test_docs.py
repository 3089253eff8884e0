"""The documentation leads to files that exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
LINK = re.compile(r"\]\(([^)#\s]+)")
MODULE = re.compile(r"`((?:pinterest|tap|target)_[a-z_]+/[a-z_/]*(?:\.py)?)`")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_and_modules_of_a_page_exist(page: Path) -> None:
    text = page.read_text()
    links = [link for link in LINK.findall(text) if not link.startswith(("http", "mailto"))]
    missing = [link for link in links if not (page.parent / link).exists()]
    missing += [module for module in MODULE.findall(text) if not (ROOT / module).exists()]
    assert missing == []
