"""Parts that many tests share."""

from __future__ import annotations

import shutil
import signal
import time
from typing import TYPE_CHECKING

import pytest
from bulk_runs import Bulk
from connectors import TOKEN, Connectors
from hypothesis import HealthCheck, settings
from logins import APP, Cli, answered, get
from programs import Process, Programs
from stranger import running_stranger
from webdriver import Browser

from pinterest_audiences.api import rate_limit
from pinterest_audiences.api.client import PinterestAPI
from pinterest_emulator.testing import Emulator

if TYPE_CHECKING:
    from collections.abc import Iterator
    from http.server import ThreadingHTTPServer
    from pathlib import Path


# No test fails because the machine is busy. `make test` tries the same examples each time, so that
# a change fails for what it changed; `--hypothesis-profile=random` tries others.
UNTIMED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("random", UNTIMED)
settings.register_profile("repeatable", UNTIMED, derandomize=True)
settings.load_profile("repeatable")


def pytest_configure() -> None:
    """Let Ctrl-C end what the tests start; a shell ignores it for a job in the background."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def no_process_is_left() -> Iterator[None]:
    """End the console scripts that a test started and, as it failed, did not wait for."""
    yield
    for process in list(Process.running):
        process.kill()


@pytest.fixture
def emulator(request: pytest.FixtureRequest) -> Iterator[Emulator]:
    """An empty emulator without rate limits, unless a test chooses an access tier."""
    with Emulator(seed="empty", access=getattr(request, "param", "unlimited")) as emulator:
        yield emulator


@pytest.fixture(scope="module")
def shared() -> Iterator[Emulator]:
    """An emulator with the demo data, for tests that do not change it."""
    with Emulator(access="unlimited") as running:
        yield running


@pytest.fixture
def account(emulator: Emulator) -> str:
    """An ad account without audiences."""
    return emulator.seed(ad_accounts=1, audiences=0)[0]


@pytest.fixture
def programs(emulator: Emulator, tmp_path: Path) -> Programs:
    """The console scripts, connected to the emulator."""
    return Programs(tmp_path, {"access_token": "pina_demo", "api_url": emulator.url})


@pytest.fixture
def bulk(emulator: Emulator, account: str, tmp_path: Path) -> Bulk:
    """The command that syncs members in bulk, connected to the emulator."""
    return Bulk(tmp_path, emulator, account)


@pytest.fixture
def connectors(emulator: Emulator, tmp_path: Path) -> Connectors:
    """The Airbyte connectors, connected to the emulator."""
    return Connectors(tmp_path, {"credentials": TOKEN, "api_url": emulator.url})


@pytest.fixture
def demo() -> Iterator[Emulator]:
    """An emulator with data in all streams."""
    with Emulator(access="unlimited") as emulator:
        yield emulator


@pytest.fixture
def on_demo(demo: Emulator, tmp_path: Path) -> Connectors:
    """The Airbyte connectors, connected to the emulator with data."""
    return Connectors(tmp_path, {"credentials": TOKEN, "api_url": demo.url})


@pytest.fixture
def api(emulator: Emulator) -> PinterestAPI:
    """An API client in this process, connected to the emulator."""
    return PinterestAPI({"access_token": "pina_demo", "api_url": emulator.url})


@pytest.fixture
def naps(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds of each wait of this process, which advance only the emulator's clock."""
    naps: list[float] = []

    def sleep(seconds: float) -> None:
        naps.append(seconds)
        emulator.advance(seconds)

    monkeypatch.setattr(time, "sleep", sleep)
    monkeypatch.setattr(rate_limit, "monotonic", lambda: time.monotonic() + sum(naps))
    return naps


@pytest.fixture
def stranger(monkeypatch: pytest.MonkeyPatch) -> Iterator[ThreadingHTTPServer]:
    """An https server with a self-signed certificate, in an environment that trusts no extra."""
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(time, "sleep", lambda _seconds: None)
    with running_stranger() as server:
        yield server


@pytest.fixture
def cli(demo: Emulator, tmp_path: Path) -> Cli:
    """The command `pinterest-audiences`, with the settings of an app and no token file."""
    app = {**APP, "api_url": demo.url, "token_path": str(tmp_path / "token.json")}
    return Cli(tmp_path, app)


@pytest.fixture
def plugins(cli: Cli) -> Programs:
    """The tap and the target, with the same settings."""
    return Programs(cli.folder, cli.settings)


@pytest.fixture
def logged_in(cli: Cli) -> Cli:
    """The command after a login."""
    with cli.login() as login:
        assert get(answered(login.opened)).status_code == 200
        assert login.wait().code == 0
    return cli


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[Browser]:
    """Debian's Chromium, without a window."""
    chromium, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if not (chromium and driver):
        pytest.skip(
            "CHROMIUM IS NOT INSTALLED, so no test opens a page in a browser: "
            "apt-get install chromium chromium-driver"
        )
    with Browser(driver, chromium, tmp_path) as running:
        yield running
