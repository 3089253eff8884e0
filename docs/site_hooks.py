"""Make pages of the site from Markdown whose links fit the repository."""

from __future__ import annotations

import logging
import posixpath
import re
from pathlib import Path
from typing import TYPE_CHECKING

from mkdocs.structure.files import File

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files
    from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[1]
LINK = re.compile(r"(?<=\]\()(?![a-z]+:|#)([^)#\s]+)")
log = logging.getLogger("mkdocs.hooks")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the README as the first page."""
    files.append(File.generated(config, "index.md", content=(ROOT / "README.md").read_text()))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, **_: object) -> str:
    """Point the links of a page at pages of the site, or at the code host."""
    folder = posixpath.dirname(page.file.src_uri)
    source_folder = "" if page.file.src_uri == "index.md" else posixpath.join("docs", folder)

    def fitted(link: re.Match[str]) -> str:
        path = posixpath.normpath(posixpath.join(source_folder, link[1]))
        if path == "README.md":
            return posixpath.relpath("index.md", folder or ".")
        if path.startswith("docs/"):
            # mkdocs itself checks that the page and its anchor exist.
            return posixpath.relpath(path, posixpath.join("docs", folder))
        if not (ROOT / path).exists():
            log.warning("%s links to %s, which does not exist", page.file.src_uri, path)
        return f"{config.extra['code_url']}/blob/main/{path}"

    return LINK.sub(fitted, markdown)
