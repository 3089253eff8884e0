"""Rate limits in fixed windows, and their headers.

The form of the headers was seen live 2026-07: the quota of the tightest window, then every
policy; `remaining` and `reset` of that window; `reset` in seconds from now.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING

from pinterest_emulator import guesses

if TYPE_CHECKING:
    from pinterest_emulator.settings import Access

MINUTE = 60
DAY = 86_400


@dataclass(frozen=True, slots=True)
class Policy:
    """At most `quota` requests within each window of `seconds`."""

    name: str
    quota: int
    seconds: int


@dataclass(frozen=True, slots=True)
class Verdict:
    """Result of the rate limits for one request.

    Attributes:
        allowed: Whether the request is allowed.
        headers: Headers of its response, also of an error.
    """

    allowed: bool
    headers: dict[str, str]


def _policy(name: str, quota: int, seconds: int) -> Policy:
    return Policy(name + guesses.POLICY_SUFFIX, quota, seconds)


SAFETY_NET = _policy("safety_net", 100, 1)
TRIAL = Policy(guesses.TRIAL_POLICY, 1000, DAY)
# Third-party: 300 of the 1,000 requests of a day may be writes.
TRIAL_CATEGORIES = {
    "ads_write": [TRIAL, Policy("ads_write" + guesses.TRIAL_POLICY_SUFFIX, 300, DAY)],
}
# ads_read, org_read and org_write were seen live 2026-07; ads_write is third-party.
CATEGORIES = {
    "ads_read": _policy("ads_read", 1000, MINUTE),
    "ads_write": _policy("ads_write", 400, MINUTE),
    "org_read": _policy("org_read", 1000, MINUTE),
    "org_write": _policy("org_write", 100, MINUTE),
}


class RateLimiter:
    """Counts the requests of the emulator's one user and one app."""

    def __init__(self, access: Access) -> None:
        """Starts with all quotas unused."""
        self._access = access
        self._used: dict[str, tuple[int, int]] = {}

    def take(self, category: str, now: float) -> Verdict:
        """Counts one request of that category at `now`, in Unix seconds."""
        if self._access == "unlimited":
            policies = [SAFETY_NET, CATEGORIES[category]]
            return Verdict(allowed=True, headers=_headers(policies, [0, 0], now))
        policies = self._policies(category)
        used = [self._count(policy, now) for policy in policies]
        allowed = all(count < policy.quota for count, policy in zip(used, policies, strict=True))
        headers = _headers(policies, used, now)
        if allowed or guesses.REFUSED_REQUESTS_COUNT:
            for count, policy in zip(used, policies, strict=True):
                self._used[policy.name] = (_window(policy, now), count + 1)
        return Verdict(allowed=allowed, headers=headers)

    def _policies(self, category: str) -> list[Policy]:
        if self._access == "trial":
            return TRIAL_CATEGORIES.get(category, [TRIAL])
        return [SAFETY_NET, CATEGORIES[category]]

    def _count(self, policy: Policy, now: float) -> int:
        window, used = self._used.get(policy.name, (0, 0))
        return used if window == _window(policy, now) else 0


def exhausted_headers(category: str, reset: int | None) -> dict[str, str]:
    """The headers of a staged 429.

    Args:
        category: The category with the used-up quota.
        reset: Seconds to wait, or None for a response without them.
    """
    headers = _headers([SAFETY_NET, CATEGORIES[category]], [SAFETY_NET.quota, 0], 0.0)
    del headers["x-ratelimit-reset"]
    if reset is not None:
        headers["x-ratelimit-reset"] = str(reset)
    return headers


def _window(policy: Policy, now: float) -> int:
    return guesses.rate_limit_window(now, policy.seconds)


def _headers(policies: list[Policy], used: list[int], now: float) -> dict[str, str]:
    """The headers of a request before which `used` requests were counted."""
    left = [max(policy.quota - count - 1, 0) for policy, count in zip(policies, used, strict=True)]
    # If two are used up, the one with the longer wait counts.
    tightest = min(range(len(policies)), key=lambda i: (left[i], -policies[i].seconds))
    policy = policies[tightest]
    quotas = ", ".join(f'{p.quota};w={p.seconds};name="{p.name}"' for p in policies)
    reset = ceil((_window(policy, now) + 1) * policy.seconds - now)
    return {
        "x-ratelimit-limit": f"{policy.quota}, {quotas}",
        "x-ratelimit-remaining": str(left[tightest]),
        "x-ratelimit-reset": str(max(reset, 1)),
    }
