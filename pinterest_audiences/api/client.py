"""The one authenticated REST base: whatever this project asks of Pinterest goes through here."""

from __future__ import annotations

import functools
import logging
import threading
import time
from collections import Counter
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, TypeGuard, TypeVar

import backoff
import requests
from requests.auth import AuthBase, HTTPBasicAuth
from singer_sdk.singerlib.json import serialize_json

from pinterest_audiences.api.auth import PinterestAuthenticator, choose_grant, header_text
from pinterest_audiences.api.hooks import NO_HOOKS, Hooks
from pinterest_audiences.api.latency import Latency
from pinterest_audiences.api.operations import OAUTH_TOKEN, Operation
from pinterest_audiences.api.rate_limit import RateLimiter, waits
from pinterest_audiences.api.responses import Page, Response, error_code, read_response
from pinterest_audiences.api.senders import Senders
from pinterest_audiences.api.transport import Transport
from pinterest_audiences.api.urls import checked_url
from pinterest_audiences.errors import (
    InvalidResponseError,
    NoResponseError,
    RateLimitedError,
    RetriableError,
    SettingsError,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from backoff.types import Details

    from pinterest_audiences.api.rate_limit import Policy
    from pinterest_audiences.api.senders import Answer

logger = logging.getLogger(__name__)

T = TypeVar("T")

DEFAULT_API_URL = "https://api.pinterest.com/v5"
DEFAULT_MAX_WAIT_SECONDS = 900
DEFAULT_TIMEOUT_SECONDS = 60
_CONNECT_TIMEOUT_SECONDS = 10
_API_URL = "Settings: api_url"

_SCOPE_CODES = {3, 7}
"""401 with these codes: the token is good but may not do this, so a new one will not help."""


class PinterestAPI:
    """A session with Pinterest: authentication, retries, limits, errors, pages.

    One for each plugin (``tap.api``, ``target.api``), so a process has one token and one pool of
    connections. Threads may share it.

    Attributes:
        requests: How many requests were sent so far by category, repeats included.
        seconds_waited: How long this process waited between repeats so far.
        max_wait: Seconds that a request may wait for a rate limit.
        can_write: False if the credentials only allow reads.
    """

    def __init__(self, settings: Mapping[str, Any], hooks: Hooks = NO_HOOKS) -> None:
        """Prepare a session; nothing is sent yet.

        Args:
            settings: A plugin's config.
            hooks: What to replace.

        Raises:
            SettingsError: If the credentials are not complete or ``api_url`` is not usable.
        """
        self.url = checked_url(settings.get("api_url") or DEFAULT_API_URL, _API_URL)
        if {"?", "#"} & set(self.url):
            msg = f"{_API_URL} must not have a query or a fragment: remove what begins with ? or #"
            raise SettingsError(msg)
        self.requests: Counter[str] = Counter()
        self.seconds_waited = 0.0
        self._latency = Latency()
        self._counting = threading.Lock()
        self.max_wait = float(settings.get("max_wait", DEFAULT_MAX_WAIT_SECONDS))
        read_timeout = float(settings.get("request_timeout") or DEFAULT_TIMEOUT_SECONDS)
        self._timeout = (min(read_timeout, _CONNECT_TIMEOUT_SECONDS), read_timeout)
        self._rate_limiter = RateLimiter(self.max_wait, self._waits_for_limit)
        self._on_rate_limit = hooks.on_rate_limit
        threads = int(settings.get("concurrency") or 1)
        self._session = Transport(threads=threads)
        self.senders: Senders[requests.Response] = Senders(threads)
        self._stopped = False
        self._session.headers["User-Agent"] = (
            header_text(settings, "user_agent")
            or f"pinterest-audiences/{version('pinterest-audiences')}"
        )
        self._client = HTTPBasicAuth(
            header_text(settings, "client_id") or "", header_text(settings, "client_secret") or ""
        )
        grant = choose_grant(
            settings,
            lambda form: self.request_as_app(OAUTH_TOKEN, form).data,
            self.max_wait,
            hooks.token_store,
        )
        self.can_write = grant.can_write
        self._bearer = PinterestAuthenticator(grant)

    def request(  # noqa: PLR0913  (all but the first two say it in words)
        self,
        operation: Operation,
        ids: Mapping[str, str] | None = None,
        *,
        params: Mapping[str, Any] | None = None,
        body: Mapping[str, Any] | None = None,
        auth: AuthBase | None = None,
        sent: Answer | None = None,
    ) -> Response:
        """Send a request, repeat it while that can help, and return Pinterest's answer.

        What creates is repeated only if Pinterest cannot have seen it, or put it off with a rate
        limit; all else is repeated on any lack of an answer.

        Args:
            operation: What to do.
            ids: Values for the operation's path.
            params: Query; None values are left out.
            body: JSON object, or a form if ``auth`` is given.
            auth: Signs the request instead of the bearer token.
            sent: The first try, from ``send_ahead``.

        Raises:
            RequestFailedError: If Pinterest refused.
            RateLimitedError: If the rate limit lasts longer than ``max_wait``.
            NoResponseError: If no usable response came; ``request_not_sent`` says whether
                Pinterest can have acted on it.
        """
        build = functools.partial(self._request, operation, ids, params, body, auth)

        @self.with_retries(lambda error: operation.creates and not _can_not_have_worked(error))
        def send() -> Response:
            nonlocal sent
            first, sent = sent, None
            return self._send(operation, build, first)

        return send()

    def send_ahead(
        self, operation: Operation, ids: Mapping[str, str], *, body: Mapping[str, Any]
    ) -> Answer:
        """Send a request once, without waiting for its answer.

        Pass what this returns to ``request`` later, which then repeats the request as it would have
        done. All waits are there, or here for the rate limit: the thread only sends.

        Raises:
            RateLimitedError: If the rate limit lasts longer than ``max_wait``.
        """
        prepared = self._admitted(operation, self._request(operation, ids, None, body, None))
        return self.senders.submit(lambda: self._exchanged(operation, prepared))

    @property
    def is_slow(self) -> bool:
        """Whether Pinterest is so slow that it pays to send several requests at a time."""
        return self._latency.is_high

    def stop(self) -> None:
        """Repeat nothing from now on."""
        self._stopped = True

    def request_as_app(self, operation: Operation, form: Mapping[str, str]) -> Response:
        """Send a form, signed with client id and secret; else as `request`."""
        return self.request(operation, body=form, auth=self._client)

    def limits_seen(self) -> dict[str, tuple[int | None, tuple[Policy, ...]]]:
        """Return the limits that Pinterest's answers named: by category what is left, and all."""
        return self._rate_limiter.seen()

    def least_seconds(self, category: str, requests: int) -> int:
        """Return how long so many more requests take at least at the rate limits seen so far."""
        return self._rate_limiter.least_seconds(category, requests)

    def with_retries(
        self, giveup: Callable[[Exception], bool]
    ) -> Callable[[Callable[[], T]], Callable[[], T]]:
        """Decorate a function to be called again, after a wait, when it got no answer.

        Args:
            giveup: Returns whether an error ends the tries.
        """
        return backoff.on_exception(
            waits,
            RetriableError,
            jitter=None,
            giveup=lambda error: self._stopped or giveup(error),
            on_backoff=self._note_wait,
            logger=None,
            max_wait=self.max_wait,
        )

    def pages(
        self,
        operation: Operation,
        ids: Mapping[str, str] | None = None,
        params: Mapping[str, Any] | None = None,
    ) -> Iterator[Page]:
        """Read a list to its end, page by page.

        Only a missing, null or empty bookmark ends a list. Pages that are short, or empty, with a
        bookmark do occur (seen live on ``/v5/pins``).

        Raises:
            InvalidResponseError: If a page has no list of objects, or a bookmark comes twice, which
                would never end.
        """
        bookmark: str | None = None
        seen: set[str] = set()
        while True:
            answer = self.request(operation, ids, params={**(params or {}), "bookmark": bookmark})
            items = answer.data.get("items")
            bookmark = answer.data.get("bookmark") or None
            if not isinstance(items, list) or not {*map(type, items)} <= {dict}:
                msg = f"Pinterest's answer to {operation.name} holds no list of objects as items"
                raise InvalidResponseError(msg)
            if not _is_bookmark(bookmark) or bookmark in seen:
                msg = (
                    f"Pinterest's answer to {operation.name} repeats a bookmark, or has one that "
                    "is not text: the list cannot be read to its end; run again later"
                )
                raise InvalidResponseError(msg)
            yield Page(items, answer.server_time, answer.received, answer.size)
            if bookmark is None:
                return
            seen.add(bookmark)

    def _request(
        self,
        operation: Operation,
        ids: Mapping[str, str] | None,
        params: Mapping[str, Any] | None,
        body: Mapping[str, Any] | None,
        auth: AuthBase | None,
    ) -> requests.Request:
        request = functools.partial(
            requests.Request,
            operation.method,
            operation.url(self.url, **(ids or {})),
            params={key: value for key, value in (params or {}).items() if value is not None},
            auth=auth or self._bearer,
        )
        if auth:
            return request(data=body)
        if body is None:
            return request()
        data = serialize_json(body).encode()
        return request(data=data, headers={"Content-Type": "application/json"})

    def _send(
        self,
        operation: Operation,
        build: Callable[[], requests.Request],
        sent: Answer | None,
    ) -> Response:
        response = sent.result() if sent else self._exchange(operation, build())
        if (
            not self._stopped
            and response.status_code == requests.codes.unauthorized
            and response.request.headers.get("Authorization", "").startswith("Bearer ")
            and error_code(response) not in _SCOPE_CODES
            and self._bearer.renew(response.request)
        ):
            response = self._exchange(operation, build())
        return read_response(operation, response)

    def _exchange(self, operation: Operation, request: requests.Request) -> requests.Response:
        return self._exchanged(operation, self._admitted(operation, request))

    def _admitted(
        self, operation: Operation, request: requests.Request
    ) -> requests.PreparedRequest:
        """Sign a request, and wait until the rate limit lets it through."""
        prepared = self._session.prepare_request(request)
        self._rate_limiter.acquire(operation)
        with self._counting:
            self.requests[operation.category] += 1
        return prepared

    def _exchanged(
        self, operation: Operation, prepared: requests.PreparedRequest
    ) -> requests.Response:
        headers: Mapping[str, str] = {}
        begun = time.monotonic()
        try:
            response = self._session.exchange(prepared, operation.name, _API_URL, self._timeout)
            headers = response.headers
            return response
        finally:
            self._latency.note(time.monotonic() - begun)
            self._rate_limiter.release(operation, headers)

    def _waited(self, seconds: float) -> None:
        with self._counting:
            self.seconds_waited += seconds

    def _waits_for_limit(self, seconds: float) -> None:
        self._waited(seconds)
        self._on_rate_limit(seconds)

    def _note_wait(self, details: Details) -> None:
        is_limit = isinstance(details["exception"], RateLimitedError)
        (self._waits_for_limit if is_limit else self._waited)(details["wait"])
        logger.warning("%s; next try in %.0f s", details["exception"], details["wait"])


def _is_bookmark(value: object) -> TypeGuard[str | None]:
    """Return what can be sent back: JSON text may hold halves of characters, a URL may not."""
    if not isinstance(value, str):
        return value is None
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _can_not_have_worked(error: Exception) -> bool:
    return isinstance(error, RateLimitedError) or (
        isinstance(error, NoResponseError) and error.request_not_sent
    )
