"""Says what does not exist of the commands on a page: programs, options, targets, packages."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import tomllib
from functools import cache
from typing import TYPE_CHECKING

import yaml
from docs_blocks import ROOT
from programs import BIN

if TYPE_CHECKING:
    from collections.abc import Iterator

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
MELTANO = yaml.safe_load((ROOT / "meltano.yml").read_text())
PLUGINS = [*MELTANO["plugins"]["extractors"], *MELTANO["plugins"]["loaders"]]
MAKEFILE = (ROOT / "Makefile").read_text()
LOCKED = "\n".join(path.read_text() for path in (ROOT / "requirements").glob("*.in"))


def missing(words: list[str]) -> list[str]:
    """Return what does not exist of a command; of a foreign program nothing is known."""
    match words:
        case ["make", *rest]:
            found = _of_make(rest)
        case [program, "install", *rest] if program.rpartition("/")[2] in {"pip", "pipx"}:
            found = _of_packages(rest)
        case [program, "-m", *rest] if re.search(r"(^|/)python$", program):
            found = _of_python(rest)
        case ["meltano", "run", *rest]:
            found = [*_of_program(words), *_of_jobs(rest)]
        case ["docker", "build", "--target", stage, *_]:
            found = [] if f" AS {stage}\n" in (ROOT / "Dockerfile").read_text() else [stage]
        case ["uvx", "--from", ".", *rest]:
            found = missing(rest)
        case [program, *_] if program in {"meltano", *PROJECT["scripts"]}:
            found = _of_program(words)
        case _:
            found = []
    return found


def has_option(option: str) -> bool:
    """Return whether a program of this project, or one of its commands, has an option."""
    return any(_names(text, option) for program in PROJECT["scripts"] for text in _all(program))


def _of_make(words: list[str]) -> list[str]:
    targets = [word for word in words if re.fullmatch(r"[a-z-]+", word)]
    variables = [word.partition("=")[0] for word in words if "=" in word]
    return [
        *(each for each in targets if not re.search(rf"^{each}:", MAKEFILE, re.MULTILINE)),
        *(each for each in variables if f"$({each})" not in MAKEFILE),
    ]


def _of_packages(words: list[str]) -> list[str]:
    """Return extras that this package lacks, and packages that are in no file of requirements."""
    extras = PROJECT["optional-dependencies"]
    own = [re.fullmatch(r"(?:\.|pinterest-audiences)(?:\[([\w,]+)\])?", word) for word in words]
    return [
        word
        for word, found in zip(words, own, strict=True)
        if (found and found[1] and not {*found[1].split(",")} <= extras.keys())
        or (not found and not re.search(rf"^{re.escape(word)}(?=[=~ ]|$)", LOCKED, re.MULTILINE))
    ]


def _of_python(words: list[str]) -> list[str]:
    module, *rest = words
    if importlib.util.find_spec(module) is None:
        return [module]
    options = [word for word in rest if word.startswith("--")]
    text = _help("python", "-m", module) if options else ""
    return [each for each in options if not _names(text, each)]


def _of_jobs(words: list[str]) -> list[str]:
    names = {each["name"] for each in (*MELTANO["jobs"], *PLUGINS)}
    return [word for word in words if not word.startswith("-") and word not in names]


def _of_program(words: list[str]) -> list[str]:
    command, rest = words[:1], words[1:]
    while rest and not rest[0].startswith("-") and (known := _commands(_help(*command))):
        command.append(rest.pop(0))
        if command[-1] not in known:
            return [" ".join(command)]
    options = [word.partition("=")[0] for word in rest if re.match(r"--?[a-z]", word)]
    text = _help(*command)
    return [f"{' '.join(command)} {each}" for each in options if not _names(text, each)]


@cache
def _help(*command: str) -> str:
    line = [str(BIN / command[0]), *command[1:], "--help"]
    done = subprocess.run(line, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, (command, done.stderr)
    return done.stdout


def _names(text: str, option: str) -> bool:
    return re.search(rf"(?<![\w-]){re.escape(option)}(?![\w-])", text) is not None


def _commands(text: str) -> set[str]:
    """Return the commands that a help lists, of click or of argparse."""
    listed = re.findall(r"^Commands:\n((?: .*\n?)+)", text, re.MULTILINE)
    of_click = re.findall(r"^  ([a-z][\w-]*)", "".join(listed), re.MULTILINE)
    of_argparse = re.search(r"^  \{([\w,]+)\}$", text, re.MULTILINE)
    return {*of_click, *(of_argparse[1].split(",") if of_argparse else [])}


def _all(*command: str) -> Iterator[str]:
    """Return the help of a program and of all its commands."""
    text = _help(*command)
    yield text
    for each in sorted(_commands(text)):
        yield from _all(*command, each)
