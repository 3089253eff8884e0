"""``make demo``: Pinterest to a warehouse and back, by ``meltano run``, on real parts."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from docs_blocks import block

ROOT = Path(__file__).parents[2]
DEMO = [sys.executable, "-m", "demo"]
LIMIT_SECONDS = 800
STOP_SECONDS = 120


def is_open(address: str) -> bool:
    host, port = address.split(":")
    with socket.socket() as probe:
        return probe.connect_ex((host, int(port))) == 0


def test_jobs_in_both_directions_run_twice() -> None:
    done = subprocess.run(
        DEMO, cwd=ROOT, capture_output=True, text=True, timeout=LIMIT_SECONDS, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    # The page shows all that it prints after the start.
    assert "\n".join(block("README.md", "make demo").shown) in done.stdout
    steps = re.findall(
        r"^  (\w+ to \w+) +(.+?)  +(\d+) reads, (\d+) writes$", done.stdout, re.MULTILINE
    )
    assert steps == [
        ("Pinterest to warehouse", "671 audiences loaded", "31", "0"),
        ("Warehouse to Pinterest", "1 created, 2 updated, 669 unchanged", "5", "3"),
        ("Pinterest to warehouse", "3 audiences loaded", "31", "0"),
        ("Pinterest to warehouse", "0 audiences loaded", "31", "0"),
        ("Warehouse to Pinterest", "672 unchanged", "5", "0"),
        ("Customers to Pinterest", "1 created, 250 added", "4", "2"),
        ("Customers to Pinterest", "249 unchanged, 1 removed, 1 added", "4", "2"),
        ("Customers to Pinterest", "251 unchanged", "2", "0"),
    ]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_stops_all_processes_of_the_job(number: signal.Signals) -> None:
    with subprocess.Popen(DEMO, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as demo:
        assert demo.stdout
        demo.stdout.readline()
        said = demo.stdout.readline().decode()
        addresses = re.findall(r"127\.0\.0\.1:\d+", said)
        assert len(addresses) == 2
        assert all(is_open(address) for address in addresses)
        time.sleep(2)
        os.kill(demo.pid, number)
        assert demo.wait(STOP_SECONDS) == 128 + number
    assert not any(is_open(address) for address in addresses)
