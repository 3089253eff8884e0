"""One rate budget for all threads of a process: slow down before Pinterest has to say so."""

from __future__ import annotations

import datetime as dt
import threading
import time
from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING

from pinterest_audiences.api.rate_limit_headers import (
    DAY_SECONDS,
    TRIAL_WRITES,
    Policy,
    http_date,
    least_seconds,
    policies,
    remaining,
)
from pinterest_audiences.errors import RateLimitedError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pinterest_audiences.api.operations import Operation


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
