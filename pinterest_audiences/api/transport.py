"""Sends one request, and explains in one line why no answer came.

Requests go over https. Plain http is for a server on this machine, and never uses a proxy.
"""

from __future__ import annotations

import functools
import os
import re
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlencode

import requests
from requests.adapters import HTTPAdapter
from requests.cookies import extract_cookies_to_jar
from requests.exceptions import InvalidProxyURL, InvalidSchema, InvalidURL
from requests.utils import select_proxy
from typing_extensions import override
from urllib3.exceptions import (
    HTTPError,
    LocationValueError,
    NameResolutionError,
    NewConnectionError,
    ProxyError,
    ProxySchemeUnsupported,
)
from urllib3.exceptions import TimeoutError as NoReplyError
from urllib3.util import parse_url

from pinterest_audiences.errors import NoResponseError, PinterestError, SettingsError, redact

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

E = TypeVar("E", bound=BaseException)

_CA_BUNDLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
"""The variables that ``requests`` reads, in its order."""

_HASHED_NAME = re.compile(r"[0-9a-f]{8}\.\d+")
_TUNNEL_FAILED = re.compile(r"Tunnel connection failed: (\d{3})")
_SERVER_ERRORS = range(500, 600)
_MOST_CAUSES = 20


@dataclass(frozen=True, slots=True)
class _Route:
    """Where a request goes.

    Attributes:
        operation: What the request does.
        source: The setting that has the URL, or what else has.
        host: Host and port of the URL.
        proxy: The variable that names the proxy, and the proxy; None without one.
    """

    operation: str
    source: str
    host: str
    proxy: str | None


class Transport(requests.Session):
    """A session that explains in one line why there is no connection.

    What cannot change while the run lasts is a `SettingsError` and so is not tried again.
    """

    def __init__(self, threads: int = 1) -> None:
        """Keep a connection for each of so many threads."""
        super().__init__()
        self._proxy_worked = False
        self._environments: dict[tuple[str, str], tuple[Mapping[str, Any], str | None]] = {}
        for scheme in ("https://", "http://"):
            self.mount(scheme, HTTPAdapter(pool_maxsize=threads))

    def exchange(
        self,
        request: requests.PreparedRequest,
        operation: str,
        source: str,
        timeout: float | tuple[float, float],
    ) -> requests.Response:
        """Send a request once, and follow no redirect.

        Args:
            request: What to send; its URL passed `checked_url`.
            operation: What it does, for a person.
            source: Where its URL comes from, for a person.
            timeout: Seconds to wait for the connection and for the answer.

        Raises:
            SettingsError: If there can be no connection before a setting or a variable of the
                environment is changed.
            NoResponseError: If no answer came.
        """
        url = str(request.url)
        where, proxy = self._environment(url)
        try:
            # Not Session.send: half of what it costs is for redirects, hooks and the environment.
            response = self.get_adapter(url).send(request, timeout=timeout, **where)
            if "set-cookie" in response.headers:
                extract_cookies_to_jar(  # type: ignore[no-untyped-call]
                    self.cookies, request, response.raw
                )
            # What ``response.content`` does, but not in pieces of 10 KiB.
            response._content = b"".join(response.iter_content(None))  # noqa: SLF001
        except (OSError, HTTPError, ProxySchemeUnsupported) as error:
            route = _Route(operation, source, parse_url(url).netloc or url, proxy)
            raise _explained(error, route, proxy_works=self._proxy_worked) from error
        self._proxy_worked |= proxy is not None
        return response

    @override
    def prepare_request(self, request: requests.Request) -> requests.PreparedRequest:
        """Prepare a request as `requests` does, without settings that a transport never has.

        Those are parameters, a signature and hooks for all requests. The URL has no query yet, and
        no parameter is a list.
        """
        prepared = requests.PreparedRequest()
        prepared.prepare_method(request.method)
        prepared.prepare_url(request.url, None)
        if request.params:  # with these, ``prepare_url`` takes four times as long
            prepared.url = f"{prepared.url}?{urlencode(request.params)}"
        prepared.prepare_headers({**self.headers, **request.headers})
        if self.cookies:
            prepared.prepare_cookies(self.cookies)
        prepared.prepare_body(request.data, None)
        prepared.prepare_auth(request.auth)
        return prepared

    def _environment(self, url: str) -> tuple[Mapping[str, Any], str | None]:
        """Return what the environment says about requests to the host of a URL, and its proxy.

        Raises:
            SettingsError: If a variable names certificates that cannot be read.
        """
        scheme, _, rest = url.partition("://")
        host = scheme, rest.partition("/")[0]
        if host not in self._environments:
            where = self.merge_environment_settings(url, {}, stream=False, verify=None, cert=None)
            if scheme == "http":
                where["proxies"] = {}  # A proxy could read the secrets; the server is this machine.
            elif variable := _ca_variable():
                _check_ca_bundle(variable, Path(os.environ[variable]))
            self._environments[host] = where, _proxy_of(url, where["proxies"])
        return self._environments[host]


@functools.cache
def _check_ca_bundle(variable: str, path: Path) -> None:
    """Make sure that the certificates to trust can be read.

    Raises:
        SettingsError: If they cannot.
    """
    try:
        if path.is_dir():
            found = any(_HASHED_NAME.fullmatch(file.name) for file in path.iterdir())
            problem = None if found else "is a folder without certificates named by their hashes"
        else:
            ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(path)
            problem = None
    except ssl.SSLError:
        problem = "holds no certificate in PEM format"
    except OSError as error:
        problem = f"cannot be read ({error.strerror})"
    if problem:
        msg = (
            f"{variable}: {path} {problem}; set it to a file with the certificates to trust in PEM "
            "format, or unset it"
        )
        raise SettingsError(msg)


def _ca_variable() -> str | None:
    return next((name for name in _CA_BUNDLES if os.environ.get(name)), None)


def _proxy_of(url: str, proxies: Mapping[str, str]) -> str | None:
    """Name the variable of the environment that holds the proxy of a URL, and the proxy."""
    proxy = select_proxy(url, dict(proxies))
    if not proxy:
        return None
    names = [name for scheme in ("https", "all") for name in _variables(f"{scheme}_proxy")]
    variable = next((name for name in names if os.environ[name] == proxy), "the system's proxy")
    try:
        address = parse_url(proxy)
    except LocationValueError:
        return variable
    return f"{variable} ({redact(address._replace(auth=None).url)})"


def _variables(name: str) -> list[str]:
    """Return the variables of a name in any case; the one in small letters counts first."""
    found = [each for each in os.environ if each.lower() == name]
    return sorted(found, key=lambda each: each != name)


def _explained(error: Exception, route: _Route, *, proxy_works: bool) -> PinterestError:
    """Say why no answer came.

    Args:
        error: What was raised.
        route: Where the request went.
        proxy_works: Whether the proxy, if there is one, let an earlier request through.
    """
    causes = list(_causes(error))
    if trust := _first(causes, ssl.SSLCertVerificationError):
        return _untrusted(trust, route)
    if route.proxy and _is_of_proxy(error, causes):
        return _proxy_problem(causes, route, works=proxy_works)
    if isinstance(error, requests.Timeout):
        never_there = isinstance(error, requests.ConnectTimeout)
        reason = f"no connection to {route.host} in time" if never_there else "it took too long"
        return NoResponseError(route.operation, reason, request_not_sent=never_there)
    return _for_good(error, causes, route) or _for_now(error, causes, route)


def _for_good(error: Exception, causes: list[BaseException], route: _Route) -> SettingsError | None:
    """Say why there is no connection, if another try would end in the same way."""
    tls = _first(causes, ssl.SSLError)
    if tls and not isinstance(tls, ssl.SSLEOFError | ssl.SSLZeroReturnError | ssl.SSLSyscallError):
        return SettingsError(
            f"{route.source}: no TLS connection to {route.host} is possible "
            f"({_words(tls.reason or tls)}): check that the server speaks https"
        )
    if isinstance(error, InvalidURL | LocationValueError):
        return SettingsError(f"{route.source}: {route.host} is no host that can be reached")
    if not isinstance(error, requests.RequestException | HTTPError):
        return SettingsError(
            f"No connection to {route.host}: the certificates to trust cannot be read "
            f"({_words(error)}): check {_ca_variable() or 'this installation'}"
        )
    return None


def _for_now(error: Exception, causes: list[BaseException], route: _Route) -> NoResponseError:
    """Say why there is no answer, if there may be one next time."""
    if _first(causes, NameResolutionError):
        reason = f"the host name of {route.host} is not known; check {route.source} and the network"
        return NoResponseError(route.operation, reason, request_not_sent=True)
    if _first(causes, NewConnectionError):
        return NoResponseError(
            route.operation, f"no connection to {route.host}", request_not_sent=True
        )
    if isinstance(error, requests.ConnectionError):
        through = f"; it went through {route.proxy}" if route.proxy else ""
        return NoResponseError(route.operation, f"the connection broke off{through}")
    return NoResponseError(route.operation, f"the answer broke off ({type(error).__name__})")


def _untrusted(error: ssl.SSLCertVerificationError, route: _Route) -> SettingsError:
    variable = _ca_variable()
    through = f", reached through {route.proxy}," if route.proxy else ""
    trusted = f"{variable} has" if variable else "set REQUESTS_CA_BUNDLE to a file that has"
    return SettingsError(
        f"{route.source}: the certificate of {route.host}{through} is not trusted "
        f"({_words(error.verify_message)}): check the host; if a server or proxy of your own "
        f"signs it, make sure that {trusted} the certificate of its authority"
    )


def _is_of_proxy(error: Exception, causes: list[BaseException]) -> bool:
    if isinstance(error, InvalidProxyURL | InvalidSchema | InvalidURL | LocationValueError):
        return True
    return _first(causes, ProxyError, ProxySchemeUnsupported) is not None


def _proxy_problem(causes: list[BaseException], route: _Route, *, works: bool) -> PinterestError:
    """Say what is wrong with the proxy; what may pass is worth another try."""
    refusal = next(filter(None, (_TUNNEL_FAILED.search(str(cause)) for cause in causes)), None)
    status = int(refusal[1]) if refusal else None
    not_sent = True
    if status:
        reason = f"the proxy refuses a connection to {route.host} (HTTP {status})"
        may_pass = status in _SERVER_ERRORS
    elif _first(causes, NameResolutionError):
        reason, may_pass = "the proxy's host name is not known", True
    elif _first(causes, NewConnectionError):
        reason, may_pass = "nothing listens there", works
    elif _first(causes, NoReplyError):
        reason, may_pass, not_sent = "the proxy does not answer in time", True, False
    elif isinstance(causes[0], InvalidSchema):
        reason, may_pass = "a SOCKS proxy needs the package PySocks", False
    elif isinstance(causes[0], ValueError):
        reason, may_pass = "it is no URL of a proxy, such as http://proxy.example:3128", False
    else:
        # urllib3 also calls it the proxy's error when the connection breaks after the request.
        reason, may_pass, not_sent = f"the connection broke off ({_words(causes[-1])})", True, False
    message = f"{route.proxy}: {reason}; correct the variable, or add the host to NO_PROXY"
    if may_pass:
        return NoResponseError(route.operation, message, request_not_sent=not_sent)
    return SettingsError(message)


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and those that it was made of, the outermost first."""
    left: list[BaseException] = [error]
    for _ in range(_MOST_CAUSES):
        if not left:
            return
        cause = left.pop(0)
        yield cause
        inner = (getattr(cause, "reason", None), cause.__cause__, *cause.args)
        left += [each for each in inner if isinstance(each, BaseException)]


def _first(causes: list[BaseException], *kinds: type[E]) -> E | None:
    return next((cause for cause in causes if isinstance(cause, kinds)), None)


def _words(error: object) -> str:
    return redact(str(getattr(error, "strerror", None) or error))
