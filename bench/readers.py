"""The contestants that read all audiences of 20 ad accounts.

Each prints or stores every audience once; which ids it printed is checked after each run.
"""

from __future__ import annotations

import functools
import gzip
import json
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from bench.airbyte_sources import CAN_RUN_THEIRS, Source, airbytes_source, own_source
from bench.contest import Contestant
from bench.measure import Command
from bench.parts import BIN, TOKEN, write_json
from bench.server.data import FIRST_AUDIENCE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from bench.contest import Run

ROOT = Path(__file__).parents[1]
PEERS = ROOT / "bench" / "peers"
FLOOR = "floor: requests + msgspec"
TEMPLATE = "template SDK tap"
OWN = "this tap"


class _Audience(msgspec.Struct):
    id: str


class _SingerLine(msgspec.Struct):
    type: str
    stream: str = ""
    record: _Audience | None = None


class _AirbyteRecord(msgspec.Struct):
    data: _Audience


class _AirbyteLine(msgspec.Struct):
    type: str
    record: _AirbyteRecord | None = None


def python_of(environment: str) -> str:
    """Return the Python of one of the environments that ``make`` installs."""
    return str(ROOT / f".venv-{environment}" / "bin" / "python")


def peer(environment: str, script: str, *arguments: str) -> Command:
    """Return the command of a script in ``peers``."""
    command = [python_of(environment), str(PEERS / script), *arguments]
    return Command(command, env={"PYTHONPATH": str(ROOT)})


def readers() -> list[Contestant]:
    """Return all contestants that can run here."""
    found = [
        Contestant(FLOOR, lambda run: peer("bench-floor", "read_floor.py", run.url), _singer),
        Contestant(TEMPLATE, _template, _singer),
        Contestant(OWN, own_tap, _singer),
        Contestant(f"{OWN}, concurrency 1", functools.partial(own_tap, concurrency=1), _singer),
        Contestant("this Airbyte source", _airbyte(own_source), _airbyte_records),
        Contestant("dlt rest_api to jsonl files", _dlt, _dlt_files),
        Contestant("pinterest-generated-client to JSON lines", _client, _plain),
    ]
    if CAN_RUN_THEIRS:
        name = "airbyte-source-pinterest 2.1.12"
        return [*found, Contestant(name, _airbyte(airbytes_source), _airbyte_records)]
    print("SKIPPED: airbyte-source-pinterest needs Python 3.11 or 3.12")
    return found


def own_tap(run: Run, **settings: Any) -> Command:  # noqa: ANN401
    """Return the command of this project's tap, for the stream audiences."""
    config = {"access_token": TOKEN, "api_url": run.url, **settings}
    path = str(write_json(run.folder / "config.json", config))
    catalog = run.shared / "singer-catalog.json"
    if not catalog.exists():
        write_json(catalog, _only_audiences(path))
    return Command(
        [str(BIN / "tap-pinterest-audiences"), "--config", path, "--catalog", str(catalog)]
    )


def _only_audiences(config: str) -> dict[str, Any]:
    command = [str(BIN / "tap-pinterest-audiences"), "--config", config, "--discover"]
    found = subprocess.run(command, check=True, capture_output=True)  # noqa: S603
    catalog: dict[str, Any] = json.loads(found.stdout)
    for stream in catalog["streams"]:
        for entry in stream["metadata"]:
            if not entry["breadcrumb"]:
                entry["metadata"]["selected"] = stream["tap_stream_id"] == "audiences"
    return catalog


def _template(run: Run) -> Command:
    config = write_json(run.folder / "config.json", {"access_token": TOKEN, "api_url": run.url})
    return peer("bench-template", "template_tap.py", "--config", str(config))


def _dlt(run: Run) -> Command:
    return peer("dlt", "read_dlt.py", run.url, str(run.folder))


def _client(run: Run) -> Command:
    return peer("bench-client", "read_client.py", run.url)


def _airbyte(source_of: Callable[[Path, str], Source]) -> Callable[[Run], Command]:
    def command(run: Run) -> Command:
        source = source_of(run.folder, run.url)
        catalog = run.shared / f"{source_of.__name__}.json"
        if not catalog.exists():
            write_json(catalog, source.catalog())
        return Command(source.reading(json.loads(catalog.read_text())), env=source.env)

    return command


def _singer(run: Run) -> None:
    decode = msgspec.json.Decoder(_SingerLine).decode
    with run.out.open("rb") as lines:
        records = (line.record for line in map(decode, lines) if line.stream == "audiences")
        check_ids(run, (record.id for record in records if record))


def _airbyte_records(run: Run) -> None:
    decode = msgspec.json.Decoder(_AirbyteLine).decode
    with run.out.open("rb") as lines:
        records = (line.record for line in map(decode, lines))
        check_ids(run, (record.data.id for record in records if record))


def _plain(run: Run) -> None:
    decode = msgspec.json.Decoder(_Audience).decode
    with run.out.open("rb") as lines:
        check_ids(run, (decode(line).id for line in lines))


def _dlt_files(run: Run) -> None:
    decode = msgspec.json.Decoder(_Audience).decode

    def ids() -> Iterator[str]:
        for path in (run.folder / "loaded" / "audiences").iterdir():
            with gzip.open(path) as lines:
                yield from (decode(line).id for line in lines)

    check_ids(run, ids())


def check_ids(run: Run, ids: Iterable[str]) -> None:
    """Make sure that a run printed every audience once.

    Raises:
        SystemExit: If it did not.
    """
    found = [*map(int, ids)]
    expected = range(FIRST_AUDIENCE, FIRST_AUDIENCE + run.rows)
    if len(found) != run.rows or set(found) != set(expected):
        message = f"{len(found)} records of {len(set(found))} audiences instead of {run.rows}"
        raise SystemExit(message)
