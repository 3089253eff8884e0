"""The code on the pages of the documentation: blocks, and words within sentences."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from markdown_it import MarkdownIt

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[1]
PAGES = sorted(
    str(path.relative_to(ROOT))
    for path in (
        *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md")),
        *(ROOT / "docs").rglob("*.md"),
        *(ROOT / "examples").rglob("*.md"),
    )
)
MARKDOWN = MarkdownIt("commonmark").enable("table")
HEREDOC = re.compile(r"<<'(\w+)'\n.*?^\1$", re.MULTILINE | re.DOTALL)
ENDS = {"|", "||", "&", "&&", ";"}


@dataclass(frozen=True)
class Block:
    """A block of code on a page.

    Attributes:
        page: The path of the page in the repository.
        line: The line of the page on which it begins.
        language: What stands after the fence, such as ``shell``.
        text: What is in the block.
        shown: For commands: the lines of the blocks ``text`` between them and the next commands.
    """

    page: str
    line: int
    language: str
    text: str
    shown: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        """Return where the block is."""
        return f"{self.page}:{self.line}"

    @property
    def commands(self) -> str:
        """What a shell is to run: everything but the installation, which needs an index."""
        return re.sub(r"^pip install .*\n", "", self.text, flags=re.MULTILINE)


@cache
def blocks(page: str) -> tuple[Block, ...]:
    """Return all blocks of a page; output belongs to the commands before it."""
    found: list[Block] = []
    commands: Block | None = None
    for token in MARKDOWN.parse((ROOT / page).read_text()):
        if token.type not in {"fence", "code_block"}:
            continue
        new = Block(page, (token.map or [0])[0] + 1, token.info, token.content)
        if new.language == "text" and commands:
            commands.shown.extend(new.text.splitlines())
            continue
        if new.language == "shell":
            commands = new
        found.append(new)
    return tuple(found)


def block(page: str, start: str) -> Block:
    """Return the only block of a page that begins so. The tests that call this run the block."""
    (found,) = [each for each in blocks(page) if each.text.lstrip().startswith(start)]
    return found


@cache
def phrases(page: str) -> tuple[str, ...]:
    """Return the code within the sentences of a page."""
    return tuple(
        child.content
        for token in MARKDOWN.parse((ROOT / page).read_text())
        for child in token.children or ()
        if child.type == "code_inline"
    )


def commands_in(text: str) -> list[list[str]]:
    """Split what one types into a shell into commands, without variables and redirections."""
    found: list[list[str]] = [[]]
    skipped = False
    for token in _tokens(HEREDOC.sub("", text.replace("\\\n", " "))):
        if token in ENDS:
            found.append([])
        elif skipped or set(token) <= {"<", ">"}:
            skipped = not skipped  # the file of a redirection
        elif found[-1] or not re.match(r"[A-Z_]+=|(do|done|until|while)$", token):
            found[-1].append(token)
    return [words for words in found if words and words[0] != "export"]


def _tokens(text: str) -> Iterator[str]:
    """Return words and operators; a line ends with ``;``."""
    line = ""
    for more in text.splitlines():
        line += more
        lexer = shlex.shlex(line, posix=True, punctuation_chars="|&;<>")
        lexer.whitespace_split = True
        try:
            tokens = [*lexer]
        except ValueError:  # a quotation that goes on in the next line
            line += "\n"
            continue
        yield from [*tokens, ";"]
        line = ""
