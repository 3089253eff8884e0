"""Rate limits: what Pinterest's headers mean, how long to wait, and when to stop instead.

All threads of a process share one ``RateLimiter``, which slows down before Pinterest has to say so.
"""

from __future__ import annotations

import datetime as dt
import functools
import re
import threading
import time
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from time import monotonic
from typing import TYPE_CHECKING

from pinterest_audiences.errors import RateLimitedError, RetriableError

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Mapping

    from pinterest_audiences.api.operations import Operation

MAX_FAILURES = 5
"""How often one request may get no usable answer before the run gives up."""

_LONGEST_GUESS_SECONDS = 60.0


@functools.lru_cache(maxsize=16)
def http_date(text: str | None) -> dt.datetime | None:
    """Read an HTTP date (RFC 9110); None if there is none or it is not one."""
    if not text:
        return None
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)


def asked_wait(headers: Mapping[str, str], now: dt.datetime) -> float | None:
    """Return for how many seconds an answer asks us to wait; None if it does not say.

    ``Retry-After`` (seconds or a date) goes first, then ``x-ratelimit-reset``, which at Pinterest
    is a number of seconds from now, not a point in time (seen live in 2026-07). The structured
    ``x-ratelimit-limit`` beside it is not needed to know how long to wait.

    Args:
        headers: Headers of the answer, keys in any case (as ``requests`` keeps them).
        now: The server's clock, for a ``Retry-After`` that is a date.
    """
    retry_after = headers.get("retry-after")
    seconds = _seconds(retry_after)
    if seconds is None and (moment := http_date(retry_after)):
        seconds = max((moment - now).total_seconds(), 0.0)
    if seconds is None:
        seconds = _seconds(headers.get("x-ratelimit-reset"))
    return seconds


@dataclass(frozen=True, slots=True)
class Remaining:
    """What is left of the window that is used up first, and the seconds until it begins anew."""

    requests: int
    reset_seconds: float


def remaining(headers: Mapping[str, str], now: dt.datetime) -> Remaining | None:
    """Read ``x-ratelimit-remaining`` and ``x-ratelimit-reset``; None if they do not say.

    At Pinterest both refer to the tightest of the windows in ``x-ratelimit-limit`` (seen live in
    2026-07: 100 a second and, for reads of ads, 1000 a minute). A ``Retry-After`` beside them goes
    first, with nothing left.
    """
    left = 0.0 if "retry-after" in headers else _seconds(headers.get("x-ratelimit-remaining"))
    reset = asked_wait(headers, now)
    return None if left is None or reset is None else Remaining(int(left), reset)


@dataclass(frozen=True, slots=True)
class Policy:
    """At most ``quota`` requests within each window of ``seconds``."""

    quota: int
    seconds: int


DAY_SECONDS = 86_400
TRIAL_WRITES = Policy(300, DAY_SECONDS)
"""What an app with trial access may write in a day, as third parties copied it from Pinterest."""

_POLICY = re.compile(r"(\d+)\s*;\s*w=(\d+)")


def policies(headers: Mapping[str, str]) -> tuple[Policy, ...]:
    """Read all policies of ``x-ratelimit-limit``.

    Its form was seen live in 2026-07: ``100, 100;w=1;name="…", 1000;w=60;name="…"``. What does not
    look like it is left out.
    """
    found = _POLICY.findall(headers.get("x-ratelimit-limit") or "")
    pairs = [(int(quota[:18]), int(seconds[:18])) for quota, seconds in found]
    return tuple(Policy(quota, seconds) for quota, seconds in pairs if quota and seconds)


def least_seconds(requests: int, limits: Iterable[Policy]) -> int:
    """Return for how many seconds so many requests take at least, with nothing used up so far."""
    return max(((requests - 1) // limit.quota * limit.seconds for limit in limits), default=0)


def waits(
    max_wait: float, max_failures: int = MAX_FAILURES
) -> Generator[float, RetriableError, None]:
    """Wait generator for ``backoff``: seconds before each repeat of one request, then the end.

    A rate limit may be waited for as long as all its waits together stay within ``max_wait``
    seconds. Everything else is tried ``max_failures`` times, a little later each time.
    """
    error = yield 0.0
    failures = limits = 0
    waited_for_limits = 0.0
    while True:
        if isinstance(error, RateLimitedError):
            guess = min(2.0**limits, _LONGEST_GUESS_SECONDS)
            wait = guess if error.wait_seconds is None else max(error.wait_seconds, 1.0)
            limits += 1
            waited_for_limits += wait
        else:
            wait = max(2.0**failures, error.wait_seconds or 0.0)
            failures += 1
        if failures >= max_failures or max(waited_for_limits, error.wait_seconds or 0.0) > max_wait:
            return
        error = yield wait


def _seconds(text: str | None) -> float | None:
    try:
        seconds = float(text or "")
    except ValueError:
        return None
    return seconds if 0 <= seconds < float("inf") else None


@dataclass(slots=True)
class _Quota:
    """What is left of a category's tightest window, and how many requests are on their way."""

    left: int | None = None
    until: float = 0.0
    in_flight: int = 0
    policies: tuple[Policy, ...] = ()


class RateLimiter:
    """Spends what Pinterest's headers say is left, category by category.

    Every response says what is left of the window that is used up first, per second or per minute,
    and when that begins anew. What is on its way is not counted in there yet, so it is taken off.
    """

    def __init__(self, max_wait: float, note: Callable[[float], None]) -> None:
        """Begin without knowing any limit.

        Args:
            max_wait: The longest wait in seconds.
            note: Called with the seconds of each wait.
        """
        self._max_wait = max_wait
        self._note = note
        self._quotas: dict[str, _Quota] = {}
        self._lock = threading.Lock()

    def acquire(self, operation: Operation) -> None:
        """Wait until ``operation`` may be sent, and count it.

        Raises:
            RateLimitedError: If that is longer than ``max_wait``.
        """
        while (wait := self._spend(operation)) > 0:
            if wait > self._max_wait:
                raise RateLimitedError(operation.name, wait, dt.datetime.now(dt.UTC))
            self._note(wait)
            time.sleep(wait)

    def release(self, operation: Operation, headers: Mapping[str, str]) -> None:
        """Note that a request has ended, and what its answer's headers say is left."""
        with self._lock:
            quota = self._quotas[operation.category]
            quota.in_flight -= 1
            quota.policies = policies(headers) or quota.policies
            window = remaining(headers, http_date(headers.get("date")) or dt.datetime.now(dt.UTC))
            if window:
                quota.left = max(window.requests - quota.in_flight, 0)
                quota.until = monotonic() + window.reset_seconds

    def least_seconds(self, category: str, requests: int) -> int:
        """Return how long so many requests take at least, as far as the limits are known.

        Until an answer has named those of ``category``, the limits of the other categories stand
        in for them. A limit by the day among these means trial access, which may write less than
        it may read.
        """
        with self._lock:
            own = self._quotas.get(category, _Quota()).policies
            others = [policy for quota in self._quotas.values() for policy in quota.policies]
        if category == "ads_write" and any(policy.seconds >= DAY_SECONDS for policy in others):
            others.append(TRIAL_WRITES)
        return least_seconds(max(requests, 1), own or others)

    def seen(self) -> dict[str, tuple[int | None, tuple[Policy, ...]]]:
        """Return what answers said: by category what is left, and the limits."""
        with self._lock:
            return {name: (quota.left, quota.policies) for name, quota in self._quotas.items()}

    def _spend(self, operation: Operation) -> float:
        with self._lock:
            quota = self._quotas.setdefault(operation.category, _Quota())
            wait = quota.until - monotonic()
            if quota.left == 0 and wait > 0:
                return wait
            if quota.left is not None:
                quota.left = quota.left - 1 if wait > 0 else None
            quota.in_flight += 1
            return 0.0
