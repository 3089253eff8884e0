"""Everything that the emulator does although nobody outside Pinterest knows it.

Nothing in here is documented or was seen. Do not build on it; change it here when Pinterest
is seen to do otherwise.
"""

from __future__ import annotations

from hashlib import sha256
from math import floor
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pinterest_emulator.models import Audience

INSUFFICIENT_SCOPE_MESSAGE = (
    "Your token does not have sufficient permissions to access this endpoint."
)
METHOD_NOT_ALLOWED_MESSAGE = "Method not allowed."
NO_SUCH_PATH_CODE = 3
NO_SUCH_PATH_MESSAGE = "API method not found."
AUDIENCE_NOT_FOUND_CODE = 404

SMALLEST_READY_SIZE = 100
"""People from which an audience is READY: the text says 100, an edge case was never seen."""

COMPANY_NAME = "Wickwillow Trading"
"""`created_by_company_name` of an audience made here; where Pinterest takes it from is unknown."""

POLICY_SUFFIX = "_app_id_user_id"
"""Ends the name of a rate-limit policy: seen for ads_read and org_read, not for ads_write."""

TRIAL_POLICY = "trial_app_id"
"""Name of the daily policy; no header of a trial app was recorded."""

REFUSED_REQUESTS_COUNT = False
"""Whether a request that was answered 429 uses up quota itself."""

BOOKMARKS_FIT_ONE_LIST = True
"""Whether a bookmark is refused where the ad account, the order or the ownership differs."""

ENVOY_RATELIMITED = "true"
"""Value of `x-envoy-ratelimited`; only its presence was reported."""

PINTEREST_VERSION = "emulator"
"""Value of `pinterest-version`; always present, no value was kept."""

GENERATED_BY = "pinterest-emulator"
"""Value of `pinterest-generated-by`; always present, no value was kept."""

SPAM_DETAIL = "This action was blocked because it looks like spam."
"""`message_detail` of a spam block; only the word "spam" is known, from Pinterest's quickstart."""

REUSABLE_CODE = "demo-code"
"""The authorization code that works, any number of times: there is no consent page for more."""


def custom_audience_type(rule: Mapping[str, Any]) -> str:
    """The type of an audience from `audiences/custom`, whose request carries none."""
    by_field = {
        "customer_list_id": "CUSTOMER_LIST",
        "seed_id": "ACTALIKE",
        "visitor_source_id": "VISITOR",
    }
    return next((kind for field, kind in by_field.items() if field in rule), "ENGAGEMENT")


def processed_size(audience_id: int) -> int:
    """How many people a processed audience has: one in eight is too small, for variety."""
    number = int.from_bytes(sha256(str(audience_id).encode()).digest()[:4])
    if number % 8 == 0:
        return number % SMALLEST_READY_SIZE
    return SMALLEST_READY_SIZE + number % 900_000


def answered_rule(rule: Mapping[str, Any]) -> dict[str, Any]:
    """The rule as it comes back: with its keys sorted.

    Seen live 2026-07 is only that `retention_days` came back before `visitor_source_id`
    although it was sent after it.
    """
    return dict(sorted(rule.items()))


def updated_rule(_old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    """The rule after an update: the new one replaces the old one, nothing is merged."""
    return answered_rule(new)


def updated_by_processing(updated_timestamp: int, ready_at: int) -> int:
    """`updated_timestamp`, in Unix seconds, once an audience was processed: that bumps it.

    Only a customer list was seen to be touched by its processing.
    """
    return max(updated_timestamp, ready_at)


def removed(audience: Audience) -> Audience:
    """What the answer to a REMOVE shows: the audience with the status that it had.

    From then on no list shows it, and a GET or PATCH, even a second REMOVE, is a 404.
    """
    return audience


def rate_limit_window(now: float, seconds: int) -> int:
    """Number of the window at `now`, in Unix seconds: windows are fixed and begin on the clock."""
    return floor(now / seconds)
