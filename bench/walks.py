"""Counts how often the code moves between files for one more record, or one more page.

A move is a call or a return after which another file of the project executes. Code of
dependencies does not count. Each case runs the console script twice, the second time with one
record or page more, and shows the difference. So the start and the end of a run do not count.

Run it with ``make walks``. With ``-v`` it also shows the path.
"""

from __future__ import annotations

import difflib
import functools
import json
import os
import subprocess
import sys
import tempfile
import threading
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.parts import BIN, TOKEN, control, running_emulator, write_json

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from types import FrameType

ROOT = Path(__file__).parents[1]
PACKAGES = ("pinterest_audiences/", "tap_pinterest_audiences/", "target_pinterest_audiences/")
TAP, TARGET = "tap-pinterest-audiences", "target-pinterest-audiences"
FEW = 3
"""Records or pages of the shorter run. The first ones may fill caches."""
PAIRS_SHOWN = 6
RULE = {"visitor_source_id": "2612511566392", "retention_days": 180}


@dataclass(frozen=True)
class Walk:
    """The files that one run visited, in order, thread after thread."""

    files: list[str]

    @property
    def moves(self) -> Counter[tuple[str, str]]:
        """Count the moves by the files that they lead from and to."""
        return Counter(zip(self.files, self.files[1:], strict=False))

    def path_beyond(self, shorter: Walk) -> list[str]:
        """Return the stretches of files that the shorter walk does not have."""
        match = difflib.SequenceMatcher(None, shorter.files, self.files, autojunk=False)
        stretches = [
            self.files[start:end]
            for tag, _, _, start, end in match.get_opcodes()
            if tag in {"insert", "replace"}
        ]
        return [" > ".join(stretch) for stretch in stretches]


class Tracer:
    """Notes which project file executes, in each thread."""

    def __init__(self) -> None:
        """Start with an empty walk."""
        self._threads: list[list[str]] = []
        self._here = threading.local()

    def files(self) -> list[str]:
        """Return the files that were visited."""
        return [file for visited in self._threads for file in visited]

    def __call__(self, frame: FrameType, event: str, _: object) -> None:
        """Note a call of the project's code, or a return from it."""
        if event not in {"call", "return"} or project_file(frame.f_code.co_filename) is None:
            return
        current = frame if event == "call" else frame.f_back
        file = None
        while current is not None and file is None:
            file = project_file(current.f_code.co_filename)
            current = current.f_back
        if file is None:
            return
        visited: list[str] | None = getattr(self._here, "visited", None)
        if visited is None:
            visited = self._here.visited = []
            self._threads.append(visited)
        if not visited or visited[-1] != file:
            visited.append(file)


@functools.cache
def project_file(name: str) -> str | None:
    """Return the path of a file inside the project, or None if it is not the project's code."""
    file = name.removeprefix(f"{ROOT}/")
    return file if file.startswith(PACKAGES) else None


def trace(out: Path, program: str, arguments: list[str]) -> None:
    """Run one of the programs in this process and write down the files that it visited."""
    from pinterest_audiences.plugin import run_program  # noqa: PLC0415
    from tap_pinterest_audiences.tap import TapPinterestAudiences  # noqa: PLC0415
    from target_pinterest_audiences.target import TargetPinterestAudiences  # noqa: PLC0415

    tracer = Tracer()
    threading.setprofile(tracer)
    sys.setprofile(tracer)
    try:
        run_program(
            TapPinterestAudiences if program == TAP else TargetPinterestAudiences, arguments
        )
    finally:
        sys.setprofile(None)
        write_json(out, tracer.files())


def traced(folder: Path, program: str, stdin: str = "", **settings: Any) -> Walk:  # noqa: ANN401
    """Run one of the programs in a process of its own and return its walk.

    Raises:
        SystemExit: If the program failed.
    """
    config = write_json(folder / "config.json", {"access_token": TOKEN, **settings})
    arguments = ["--config", str(config)]
    if program == TAP:
        arguments += ["--catalog", str(only_audiences(folder, config))]
    out = folder / "walk.json"
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-m", "bench.walks", "trace", str(out), program, *arguments],
        cwd=ROOT,
        input=stdin,
        text=True,
        capture_output=True,
        check=False,
        env={**os.environ, "NO_PROXY": "127.0.0.1", "XDG_STATE_HOME": str(folder)},
    )
    if done.returncode:
        message = f"{program} ended with status {done.returncode}: {done.stderr}"
        raise SystemExit(message)
    return Walk(json.loads(out.read_text()))


def only_audiences(folder: Path, config: Path) -> Path:
    """Return the path of a catalog in which only the stream audiences is selected."""
    path = folder / "catalog.json"
    if not path.exists():
        command = [str(BIN / TAP), "--config", str(config), "--discover"]
        found = subprocess.run(command, check=True, capture_output=True)  # noqa: S603
        catalog = json.loads(found.stdout)
        for stream in catalog["streams"]:
            for entry in stream["metadata"]:
                if not entry["breadcrumb"]:
                    entry["metadata"]["selected"] = stream["tap_stream_id"] == "audiences"
        write_json(path, catalog)
    return path


def messages(stream: str, records: Sequence[Mapping[str, object]]) -> str:
    """Return the Singer messages of a stream."""
    properties: dict[str, object] = {name: {} for name in records[0]}
    begin = {"type": "SCHEMA", "stream": stream, "key_properties": []}
    lines: list[dict[str, object]] = [{**begin, "schema": {"properties": properties}}]
    lines += [{"type": "RECORD", "stream": stream, "record": record} for record in records]
    return "".join(json.dumps(line) + "\n" for line in lines)


def audiences(count: int) -> str:
    """Return the messages of audiences with a rule."""
    one = {"audience_type": "VISITOR", "description": "Came twice", "rule": RULE}
    return messages("audiences", [{"name": f"A{number}", **one} for number in range(count)])


def members(names: Iterable[str]) -> str:
    """Return the messages of members, each in the next of these customer lists."""
    records = [
        {"audience_name": name, "email": f"Person.{number}@shop.example"}
        for number, name in enumerate(names)
    ]
    return messages("audience_members", records)


def new_account(url: str, audiences: int = 0) -> str:
    """Return the id of a new ad account of the emulator."""
    seeded = control(url, "seed", {"ad_accounts": 1, "audiences": audiences})
    return str(seeded["ad_accounts"][0])


def new_audiences(folder: Path, url: str, count: int) -> Walk:
    """Create audiences."""
    return traced(folder, TARGET, audiences(count), api_url=url, ad_account_id=new_account(url))


def unchanged_audiences(folder: Path, url: str, count: int) -> Walk:
    """Send audiences that exist already."""
    settings = {"api_url": url, "ad_account_id": new_account(url)}
    traced(folder, TARGET, audiences(FEW + 1), **settings)
    return traced(folder, TARGET, audiences(count), **settings)


def add_members(folder: Path, url: str, names: Sequence[str]) -> Walk:
    """Add members to customer lists, with a ledger."""
    account = new_account(url)
    ledger = f"sqlite:///{folder}/ledger-{account}.db"
    settings = {"api_url": url, "ad_account_id": account, "ledger_url": ledger}
    return traced(folder, TARGET, members(names), **settings)


def members_of_one_list(folder: Path, url: str, count: int) -> Walk:
    """Add members to one customer list."""
    return add_members(folder, url, ["Customers"] * count)


def members_of_new_lists(folder: Path, url: str, count: int) -> Walk:
    """Add each member to a customer list of its own."""
    return add_members(folder, url, [f"Customers {number}" for number in range(count)])


def pages(folder: Path, url: str, count: int, page_size: int = 1) -> Walk:
    """Read pages of one audience each."""
    account = new_account(url, count)
    return traced(folder, TAP, api_url=url, ad_account_ids=[account], page_size=page_size)


def audiences_of_a_page(folder: Path, url: str, count: int) -> Walk:
    """Read audiences on one page."""
    return pages(folder, url, count, page_size=250)


CASES: dict[str, Callable[[Path, str, int], Walk]] = {
    "an audience record, created": new_audiences,
    "an audience record, unchanged": unchanged_audiences,
    "a member record, same list": members_of_one_list,
    "a member record, new list": members_of_new_lists,
    "a page with one audience": pages,
    "one more audience on a page": audiences_of_a_page,
}


def show(label: str, shorter: Walk, longer: Walk, *, verbose: bool) -> None:
    """Print what the longer walk has more than the shorter one."""
    moves = longer.moves - shorter.moves
    files = {file for pair in moves for file in pair}
    print(f"{label:30} {moves.total():4} moves between {len(files):2} files")
    if not verbose:
        return
    pairs: Counter[tuple[str, ...]] = Counter()
    for pair, count in moves.items():
        pairs[tuple(sorted(pair))] += count
    for files_of_pair, count in pairs.most_common(PAIRS_SHOWN):
        print(f"  {count:4} between {' and '.join(files_of_pair)}")
    for stretch in longer.path_beyond(shorter):
        print(f"  {stretch}")


if __name__ == "__main__":
    if sys.argv[1:2] == ["trace"]:
        trace(Path(sys.argv[2]), sys.argv[3], sys.argv[4:])
        raise SystemExit
    with tempfile.TemporaryDirectory() as name, running_emulator() as url:
        for label, case in CASES.items():
            walks = [case(Path(name), url, count) for count in (FEW, FEW + 1)]
            show(label, *walks, verbose="-v" in sys.argv[1:])
