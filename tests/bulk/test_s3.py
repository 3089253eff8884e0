"""A ledger and customers in S3, by its real protocol: a server on this machine stands in for it."""

from __future__ import annotations

import re
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import requests
from batch_runs import Batches, rows_of, table
from bulk_runs import Bulk
from forks import until
from people import changes, digests, email, members, writes
from programs import Process
from pyarrow import fs

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from programs import Run

    from pinterest_emulator.testing import Emulator

SERVER = Path(__file__).parents[2] / ".venv-s3" / "bin" / "moto_server"
LEDGER, CUSTOMERS = "s3://people/ledger", "s3://people/customers"
ACCESS_KEY, SECRET = "AKIATHISISSECRET", "this-is-secret-too"

pytestmark = pytest.mark.skipif(
    not SERVER.exists(), reason="S3 was not tried: `make s3` installs a server for it"
)


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a server with the bucket ``people``."""
    log = tmp_path_factory.mktemp("s3") / "log"
    address = re.compile(r"http://127\.0\.0\.1:\d+")
    with log.open("w") as file:
        process = subprocess.Popen([SERVER, "-H", "127.0.0.1", "-p", "0"], stdout=file, stderr=file)
    try:
        until(lambda: process.poll() is not None or address.search(log.read_text()))
        found = address.findall(log.read_text())
        assert requests.put(f"{found[0]}/people", timeout=30).ok
        yield found[0]
    finally:
        process.kill()
        process.wait()


@dataclass
class Store:
    """The bucket, and a team with its ledger in it."""

    bulk: Bulk
    endpoint: str

    @property
    def files(self) -> fs.FileSystem:
        host = self.endpoint.removeprefix("http://")
        return fs.S3FileSystem(
            endpoint_override=host, scheme="http", access_key="any", secret_key="any"
        )

    def people(self, numbers: Iterable[int]) -> None:
        table = pa.table({"email": [email(number) for number in numbers]})
        pq.write_table(table, "people/customers/0.parquet", filesystem=self.files)

    def start(self, *options: str, **settings: Any) -> Process:
        command = self.bulk.command("--ledger", LEDGER, *options, **settings)
        command[command.index("--customers") + 1] = CUSTOMERS
        return Process(command, "", self.bulk.folder)

    def mirror(self, *options: str, **settings: Any) -> Run:
        run = self.start("--mode", "mirror", *options, **settings).wait()
        assert ACCESS_KEY not in run.err
        assert SECRET not in run.err
        return run

    def tickets(self) -> list[str]:
        """What processes put down to have the ledger to themselves."""
        folder = f"people/ledger/{self.bulk.account}/claims"
        found = self.files.get_file_info(fs.FileSelector(folder, allow_not_found=True))
        return [info.base_name for info in found]


@pytest.fixture
def store(
    endpoint: str,
    emulator: Emulator,
    account: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Store]:
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", ACCESS_KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    store = Store(Bulk(tmp_path, emulator, account), endpoint)
    yield store
    store.files.delete_dir_contents("people")


def test_changes_of_a_table_are_sent_once(store: Store, emulator: Emulator, account: str) -> None:
    sent = []
    for numbers in (range(1000), range(200, 1010), range(200, 1010)):
        store.people(numbers)
        emulator.clear()
        run = store.mirror()
        assert run.code == 0, run.err
        assert members(emulator, account) == digests(numbers)
        sent.append(changes(emulator))
    assert sent[0] == [("ADD", 100)] * 10
    assert sent[1] == [("ADD", 10), ("REMOVE", 100), ("REMOVE", 100)]
    assert sent[2] == []
    assert store.tickets() == []
    # A fifth changed, so the ledger became smaller: what it replaced is gone.
    found = store.files.get_file_info(fs.FileSelector("people/ledger", recursive=True))
    kept = [info.path for info in found if info.type == fs.FileType.File]
    assert len(kept) == 2


def test_run_that_was_killed_is_finished_by_one_that_takes_over(
    store: Store, emulator: Emulator, account: str
) -> None:
    store.people(range(1000))
    emulator.fault(operation="customer_lists/update", kind="delay", times=None, seconds=0.05)
    process = store.start("--mode", "mirror", member_batch_size=20)
    until(lambda: len(changes(emulator)) > 10)
    assert process.stop(signal.SIGKILL).code == -signal.SIGKILL
    emulator.clear()
    assert len(store.tickets()) == 1
    waiting = store.mirror(max_wait=0)
    assert waiting.code == 75
    assert "--take-over" in waiting.complaints[-1]
    assert writes(emulator) == []
    finished = store.mirror("--take-over")
    assert finished.code == 0, finished.err
    assert members(emulator, account) == digests(range(1000))
    assert len(changes(emulator)) < 45, "what had a response is not sent again"
    assert store.tickets() == []


def test_target_keeps_its_ledger_there(store: Store, emulator: Emulator, account: str) -> None:
    team = Batches(store.bulk.folder / "target", emulator, account, {"ledger_url": LEDGER})
    for numbers, expected in ((range(300), [("ADD", 100)] * 3), (range(310), [("ADD", 10)])):
        emulator.clear()
        run = team.run(team.batch(table(rows_of(map(email, numbers)))))
        assert run.code == 0, run.err
        assert run.state
        assert SECRET not in run.err
        assert changes(emulator) == expected
    assert members(emulator, account) == digests(range(310))
