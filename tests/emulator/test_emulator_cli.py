from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
import sys
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import requests
from docs_blocks import block
from forks import until

from pinterest_emulator import cli
from pinterest_emulator.testing import Emulator

if TYPE_CHECKING:
    from collections.abc import Iterator

PROGRAM = str(Path(sys.executable).with_name("pinterest-emulator"))
HEADERS = {"Authorization": "Bearer pina_demo"}
EMPTY = "549755800003"
END_SECONDS = 60
"""Less than the lifetime of an idle connection and the duration of a slow request here."""
VISITORS = {"name": "V", "audience_type": "VISITOR", "rule": {"visitor_source_id": "1"}}


@contextmanager
def started(*options: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    with subprocess.Popen(
        [PROGRAM, "--port", "0", *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            found = re.fullmatch(
                r"pinterest-emulator listening on (http://(127\.0\.0\.1|\[::1\]):\d+/v5)\n", line
            )
            assert found, (line, process.stderr and process.stderr.read())
            yield process, found[1]
        finally:
            process.kill()


def end(process: subprocess.Popen[str], number: signal.Signals = signal.SIGTERM) -> tuple[str, str]:
    process.send_signal(number)
    assert process.wait(timeout=END_SECONDS) == 0
    assert process.stdout
    assert process.stderr
    return process.stdout.read(), process.stderr.read()


def faults_met(url: str) -> list[str | None]:
    answer = requests.get(url.replace("v5", "_emulator/requests"), timeout=10)
    return [entry["fault"] for entry in answer.json()["requests"]]


def refused(capsys: pytest.CaptureFixture[str], *options: str) -> str:
    """The one line that it prints if it cannot start."""
    assert cli.main(["--port", "0", *options]) == 1
    out, errors = capsys.readouterr()
    assert out == ""
    assert errors.count("\n") == 1
    return errors


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_command_prints_its_url_and_ends_at_a_signal(number: signal.Signals) -> None:
    with started() as (process, url), requests.Session() as session:
        kept_alive = session.get(f"{url}/ad_accounts", headers=HEADERS, timeout=10)
        assert len(kept_alive.json()["items"]) == 4
        out, errors = end(process, number)

    assert errors == ""
    assert out == (
        "credentials: client_id=demo-app client_secret=demo-secret"
        " access_token=pina_demo refresh_token=pinr.demo\n"
    )


def test_command_prints_what_the_readme_shows() -> None:
    start = block("README.md", "pinterest-emulator")
    assert start.commands == "pinterest-emulator\n"
    port = str(cli._parser().get_default("port"))  # noqa: SLF001
    with started() as (process, url):
        out, _ = end(process)
    listening = f"pinterest-emulator listening on {url}"
    printed = f"{listening.replace(url.split(':')[2], f'{port}/v5')}\n{out}"
    assert printed.splitlines() == start.shown


def test_command_ends_despite_a_slow_request_and_an_idle_connection() -> None:
    with started() as (process, url):
        port = int(url.split(":")[2].split("/")[0])
        with (
            socket.create_connection(("127.0.0.1", port)) as idle,
            socket.create_connection(("127.0.0.1", port)) as slow,
        ):
            fault = {"kind": "delay", "seconds": 3600}
            requests.post(url.replace("v5", "_emulator/faults"), json=fault, timeout=10)
            slow.sendall(b"GET /v5/ad_accounts HTTP/1.1\r\nHost: pinterest\r\n\r\n")
            until(lambda: faults_met(url) == ["delay"])
            _, errors = end(process)
            assert idle.recv(1) == b""

    assert errors == ""


def test_data_survives_a_restart(tmp_path: Path) -> None:
    data = tmp_path / "pinterest.json"
    form = {"grant_type": "refresh_token", "refresh_token": "pinr.demo"}
    auth = ("demo-app", "demo-secret")
    options = ("--data", str(data), "--spec", "5.28", "--processing-seconds", "60")
    with started(*options) as (process, url):
        audiences = f"{url}/ad_accounts/{EMPTY}/audiences"
        kept, gone = (
            requests.post(audiences, headers=HEADERS, json=VISITORS, timeout=10) for _ in range(2)
        )
        assert kept.status_code == 201
        removal = {"operation_type": "REMOVE"}
        requests.patch(
            f"{audiences}/{gone.json()['id']}", headers=HEADERS, json=removal, timeout=10
        )
        tokens = requests.post(f"{url}/oauth/token", data=form, auth=auth, timeout=10).json()
        state = requests.get(url.replace("v5", "_emulator/state"), timeout=10).json()
        clock = {"advance": 30}
        requests.post(url.replace("v5", "_emulator/clock"), json=clock, timeout=10)
        end(process)

    assert list(tmp_path.iterdir()) == [data]
    with started(*options) as (process, url):
        assert requests.get(url.replace("v5", "_emulator/state"), timeout=10).json() == state
        again = requests.post(f"{url}/oauth/token", data=form, auth=auth, timeout=10)
        assert again.status_code == 401
        form["refresh_token"] = tokens["refresh_token"]
        assert requests.post(f"{url}/oauth/token", data=form, auth=auth, timeout=10).ok
        new = requests.post(
            f"{url}/ad_accounts/{EMPTY}/audiences", headers=HEADERS, json=VISITORS, timeout=10
        ).json()
        assert int(new["id"]) == int(gone.json()["id"]) + 1
        assert new["created_timestamp"] >= kept.json()["created_timestamp"] + 30
        end(process)


def test_an_empty_emulator_prints_one_line() -> None:
    with started("--seed", "empty", "--host", "::1") as (process, url):
        assert requests.get(f"{url}/ad_accounts", headers=HEADERS, timeout=10).json() == {
            "items": [],
            "bookmark": None,
        }
        assert end(process) == ("", "")


def test_old_refresh_tokens_can_be_kept() -> None:
    form = {"grant_type": "refresh_token", "refresh_token": "pinr.demo"}
    with started("--keep-old-refresh-tokens") as (process, url):
        for _ in range(2):
            assert requests.post(
                f"{url}/oauth/token", data=form, auth=("demo-app", "demo-secret"), timeout=10
            ).ok
        end(process)


def test_options_of_lists_and_bodies_reach_the_emulator() -> None:
    options = ("--default-ownership", "both", "--most-body-bytes", "9", "--too-large-status", "400")
    with started(*options) as (process, url):
        lists = f"{url}/ad_accounts/{EMPTY}/customer_lists"
        refused = requests.post(lists, headers=HEADERS, json={"name": "Large"}, timeout=10)
        audiences = requests.get(
            f"{url}/ad_accounts/549755800002/audiences?page_size=250", headers=HEADERS, timeout=10
        ).json()["items"]
        end(process)

    assert refused.status_code == 400
    assert "too large" in refused.json()["message"]
    assert len({audience["ad_account_id"] for audience in audiences}) > 1


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "example.com"])  # noqa: S104
def test_only_loopback_is_served(capsys: pytest.CaptureFixture[str], host: str) -> None:
    assert refused(capsys, "--host", host) == (
        f"pinterest-emulator: {host} is not loopback: the emulator serves this machine only\n"
    )


def test_used_port_prints_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    with Emulator(seed="empty") as emulator:
        port = emulator.base.rpartition(":")[2]

        assert "Address already in use" in refused(capsys, "--port", port)


@pytest.mark.parametrize(
    ("wrong", "place"),
    [
        ({"audiences": [{"name": 5}]}, "$.audiences[0].name"),
        ({"ad_accounts": [{"permissions": "OWNER"}]}, "$.ad_accounts[0].permissions"),
        ({"clock_offset": "30"}, "$.clock_offset"),
        ({"members": {"x": ""}}, "$.members"),
        ({"audiences": [{"colour": "red"}]}, "colour"),
        ({"colours": []}, "colours"),
    ],
)
def test_file_with_a_wrong_value_is_refused_with_its_place(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, wrong: dict[str, Any], place: str
) -> None:
    data = tmp_path / "data.json"
    with Emulator(data=data):
        pass
    saved = json.loads(data.read_text())
    for name, value in wrong.items():
        if isinstance(value, list) and value:
            saved[name][0].update(value[0])
        else:
            saved[name] = value
    data.write_text(json.dumps(saved))

    assert place in refused(capsys, "--data", str(data))


def test_data_with_odd_values_survives_a_restart(tmp_path: Path) -> None:
    data = tmp_path / "data.json"
    rule = {"visitor_source_id": "1", "odd": [float("inf"), 10**30, "\ud800", None, {"1": {}}]}
    body = json.dumps({**VISITORS, "name": "\ud800\u0000", "rule": rule})
    with Emulator(data=data) as emulator:
        url = f"{emulator.url}/ad_accounts/{EMPTY}/audiences"
        requests.post(url, headers=HEADERS, data=body, timeout=10)
        account = emulator.seed(ad_accounts=1, audiences=1, customer_lists=1)[0]
    saved = data.read_text()

    with Emulator(data=data):
        pass

    assert account in saved
    assert '"\\ud800' in saved
    again, before = json.loads(data.read_text()), json.loads(saved)
    for state in (again, before):
        del state["access_tokens"]  # the demo's one lives longer after each start
    assert again == before


@pytest.mark.parametrize(
    "text", ["not json", "[]", json.dumps({"version": 2}), json.dumps({"version": 1})]
)
def test_file_with_other_data_is_left_alone(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, text: str
) -> None:
    data = tmp_path / "other.json"
    data.write_text(text)

    assert str(data) in refused(capsys, "--data", str(data))
    assert data.read_text() == text


def test_missing_folder_is_reported_at_once(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert "is not a folder" in refused(capsys, "--data", str(tmp_path / "no" / "data.json"))


@pytest.mark.parametrize("options", [("--port", "65536"), ("--latency-ms", "-1"), ("--spec", "6")])
def test_wrong_options_are_refused(options: tuple[str, str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        cli.main(options)


def test_version_is_printed() -> None:
    shown = subprocess.check_output([PROGRAM, "--version"], text=True, timeout=10)

    assert shown == f"pinterest-emulator {version('pinterest-audiences')}\n"


def test_command_without_the_extra_says_how_to_install_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in [name for name in sys.modules if name.startswith("pinterest_emulator.")]:
        monkeypatch.delitem(sys.modules, name)
    for name in [name for name in sys.modules if name.partition(".")[0] == "uvicorn"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "uvicorn", None)

    assert cli.main(["--port", "0"]) == 1
    assert capsys.readouterr().err == (
        "pinterest-emulator: the emulator is an extra:"
        " pip install 'pinterest-audiences[emulator]'\n"
    )
