"""A browser without a window, driven by W3C WebDriver.

The package selenium would do the same, but it brings PySocks, and a test of the proxies needs an
environment without it.
"""

from __future__ import annotations

import re
import subprocess
from typing import TYPE_CHECKING, Any, Self, cast

import requests
from forks import TIMEOUT_SECONDS, until

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-proxy-server",
)


class Browser:
    """Chromium with a profile of its own, for the time of a `with` block."""

    def __init__(self, driver: str, binary: str, folder: Path) -> None:
        self._driver, self._binary, self._folder = driver, binary, folder

    def __enter__(self) -> Self:
        log = self._folder / "chromedriver.log"
        with log.open("w") as file:
            self._process = subprocess.Popen([self._driver, "--port=0"], stdout=file, stderr=file)
        self._http = requests.Session()
        self._http.trust_env = False
        until(lambda: re.search(r"on port (\d+)\.", log.read_text()))
        port = re.findall(r"on port (\d+)\.", log.read_text())[0]
        self._base = f"http://127.0.0.1:{port}/session"
        args = [*FLAGS, f"--user-data-dir={self._folder / 'browser-data'}"]
        options = {"goog:chromeOptions": {"binary": self._binary, "args": args}}
        try:
            session = self._ask("", {"capabilities": {"alwaysMatch": options}})
            self._base += f"/{session['sessionId']}"
            self._ask("/timeouts", {"implicit": 1000 * TIMEOUT_SECONDS})
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._http.delete(self._base, timeout=TIMEOUT_SECONDS)
        self._end()

    def open(self, url: str) -> None:
        self._ask("/url", {"url": url})

    def text(self, selector: str) -> str:
        """Return the text of an element, once it is there."""
        return str(self._ask(f"/element/{self._find(selector)}/text"))

    def click(self, selector: str) -> None:
        self._ask(f"/element/{self._find(selector)}/click", {})

    def type(self, selector: str, keys: str) -> None:
        self._ask(f"/element/{self._find(selector)}/value", {"text": keys})

    def script(self, body: str, *args: object) -> Any:
        """Run a script in the page, to look at it or to attack it, and return what it returns."""
        return self._ask("/execute/sync", {"script": body, "args": args})

    def script_until_done(self, body: str, *args: object) -> Any:
        """Run a script, and return what it passes to its last argument."""
        return self._ask("/execute/async", {"script": body, "args": args})

    def role(self, selector: str) -> str:
        """Return what assistive technology takes an element for."""
        return str(self._ask(f"/element/{self._find(selector)}/computedrole"))

    def label(self, selector: str) -> str:
        """Return what assistive technology calls an element."""
        return str(self._ask(f"/element/{self._find(selector)}/computedlabel"))

    def resize(self, width: int) -> None:
        size = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": False}
        body = {"cmd": "Emulation.setDeviceMetricsOverride", "params": size}
        self._ask("/goog/cdp/execute", body)

    def _find(self, selector: str) -> str:
        found = self._ask("/element", {"using": "css selector", "value": selector})
        return str(next(iter(cast("dict[str, str]", found).values())))

    def _ask(self, path: str, body: dict[str, Any] | None = None) -> Any:
        answer = self._http.request(
            "GET" if body is None else "POST",
            self._base + path,
            json=body,
            timeout=TIMEOUT_SECONDS,
        )
        assert answer.ok, answer.text
        return answer.json()["value"]

    def _end(self) -> None:
        self._http.close()
        self._process.terminate()
        self._process.wait()
