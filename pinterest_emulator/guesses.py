"""Behaviour of the emulator that nobody outside Pinterest knows.

Nothing in here is documented or was observed. Do not build on it. If Pinterest turns out to
behave differently, change it here.
"""

from __future__ import annotations

import re
from hashlib import sha256
from math import floor
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Mapping

_REDIRECT_URI = re.compile(
    r"(https://[\w.-]+|http://(localhost|127\.0\.0\.1|\[::1\]))(:\d{1,5})?/[^\s#]*", re.ASCII
)

Audience = TypeVar("Audience")
"""The class of an audience, which nothing here has to know."""

INSUFFICIENT_SCOPE_MESSAGE = (
    "Your token does not have sufficient permissions to access this endpoint."
)
METHOD_NOT_ALLOWED_MESSAGE = "Method not allowed."
NO_SUCH_PATH_CODE = 3
NO_SUCH_PATH_MESSAGE = "API method not found."
AUDIENCE_NOT_FOUND_CODE = 404
CUSTOMER_LIST_NOT_FOUND_CODE = 404
SHARED_ACCOUNTS_NOT_FOUND_CODE = 404
BUSINESS_NOT_FOUND_CODE = 404
UPLOAD_NOT_FOUND_CODE = 404

CUSTOMER_LIST_MUST_EXIST = True
"""Whether to refuse (400) an audience over a list that its ad account does not have."""

SEED_MUST_BE_READY = True
"""Whether to refuse (400) an ACTALIKE audience if a seed is not READY.

If the ad account does not own the seed, the audience is always refused.
"""

EMPTY_BATCHES_ARE_REFUSED = True
"""Whether to refuse (400) a create or an update of a customer list without any record."""

RECIPIENT_GETS_403 = True
"""Whether a recipient that tries to share an audience gets 403 code 29.

All other accounts get a 404 for an audience of somebody else.
"""

CHANGED_LIST_STATUS = "PROCESSING"
"""Status of a changed customer list until the ADD or REMOVE is processed.

Seen live 2026-07: a list that was PROCESSING stayed so after two ADDs. A change of a READY list
was never observed.
"""

SMALLEST_FILE_PART = 5 * 1024 * 1024
"""Least bytes of each part of an upload except the last.

This is S3's limit (Pinterest OpenAPI 5.23), and S3 checks it when the parts are joined. Guessed:
`customer_list_uploads/run` joins the parts, and an upload with a smaller part is then FAILED.
"""

UPLOAD_RUNS_ONCE = True
"""Whether a second `customer_list_uploads/run` is refused with a 400.

A part that arrives after the first run always gets a 404, because the file is closed.
"""

MISSING_PART = (1, "A part of the file is missing")
SMALL_PART = (2, "A part of the file is too small")
NO_TEXT = (3, "The file is not UTF-8 text")
NO_RECORDS = (4, "The file has no records")
"""`error_code` and `message` of a FAILED upload, which has exactly one error."""

UNKNOWN_TOKEN_IS_REVOKED = True
"""Whether revoking an unknown token succeeds, as in RFC 7009; otherwise it is a 401.

Revoking a refresh token revokes no access token. Pinterest revokes only tokens of system users
(Pinterest OpenAPI 5.23); the emulator treats every holder of a token as one.
"""

DEFAULT_ACCOUNT_TYPE = "AD_ACCOUNT"
"""Default of `account_type`, which Pinterest declares as required but with a default."""

DEFAULT_INSIGHT_TYPE = "YOUR_TOTAL_AUDIENCE"
"""Default of `audience_insight_type`, which is declared in the same way."""

SMALLEST_READY_SIZE = 100
"""Least people of a READY audience: the text says 100, no edge case was observed."""

COMPANY_NAME = "Wickwillow Trading"
"""`created_by_company_name` of an audience created here; Pinterest's source is unknown."""

POLICY_SUFFIX = "_app_id_user_id"
"""Suffix of the name of a rate-limit policy: seen for ads_read and org_read only."""

TRIAL_POLICY = "trial_app_id"
"""Name of the daily policy; no header of a trial app was recorded."""

TRIAL_POLICY_SUFFIX = "_app_id"
"""Suffix of the name of the daily policy of a category: it is per app, not per user."""

REFUSED_REQUESTS_COUNT = False
"""Whether a request with the response 429 itself uses quota."""

NO_OWNERSHIP_DEFAULT_LISTS_BOTH = True
"""Whether a list without `ownership_type` also shows received audiences from 5.28 on.

Pinterest OpenAPI 5.28 dropped the default OWNED as a breaking change and names no other default.
The list then shows both kinds together, in the order of their ids.
"""

FIELD_OF_LIST_TYPE = {
    "EMAIL": "email",
    "MAID": "maid",
    "IDFA": "maid",
    "HASHED_PINNER_ID": "hashed_pinner_id",
    "LR_ID": "liveramp_envelope",
}
"""Field of a `records_v2` row that identifies the member, by the type of the list.

Pinterest OpenAPI 5.28 says neither how a row is matched nor what the type of a list means for
rows. A row without that field is identified by all its fields.
"""

TOO_LARGE_CODE = 1
TOO_LARGE_MESSAGE = "Invalid request: the body is too large ({size} bytes, at most {most})."
"""Message for a body of members that is too large; no limit is documented or observed."""

BOOKMARKS_FIT_ONE_LIST = True
"""Whether a bookmark is refused where the ad account, the order or the ownership differs."""

ENVOY_RATELIMITED = "true"
"""Value of `x-envoy-ratelimited`; only its presence was reported."""

PINTEREST_VERSION = "emulator"
"""Value of `pinterest-version`; always present, no value was kept."""

GENERATED_BY = "pinterest-emulator"
"""Value of `pinterest-generated-by`; always present, no value was kept."""

SPAM_DETAIL = "This action was blocked because it looks like spam."
"""`message_detail` of a spam block; only "spam" is known, from Pinterest's quickstart."""

REUSABLE_CODE = "demo-code"
"""An authorization code that works any number of times, with any redirect URI and all scopes."""

CODE_SECONDS = 600
"""How long a code from the consent page works; 10 minutes is the most that RFC 6749 advises."""

CONSENT_PAGE_SECONDS = 3600
"""How long a user may take to answer the consent page."""

DECLINED = {"error": "access_denied", "error_description": "The user declined the request."}
"""What the redirect has when the user declines, as in RFC 6749, section 4.1.2.1.

A request with an unknown client or redirect URI gets an error page and no redirect, as there. A
failed exchange uses the code up: it works neither again nor with another redirect URI.
"""

CONTINUOUS_REFRESH_IS_OPTIONAL = True
"""Whether a code is exchanged without `continuous_refresh=true`.

Pinterest requires it of apps from before 25 Sep 2025 (Pinterest OpenAPI 5.23). What it answers to
such an app without it is unknown.
"""

USER = {
    "account_type": "BUSINESS",
    "id": "549755813599",
    "username": "wickwillow",
    "business_name": COMPANY_NAME,
    "about": "",
    "profile_image": None,
    "website_url": None,
    "board_count": 0,
    "pin_count": 0,
    "follower_count": 0,
    "following_count": 0,
    "monthly_views": 0,
}
"""The one user of the emulator, with the fields of `Account` in Pinterest's description."""


INSIGHT_DEFINITIONS = {
    "YOUR_TOTAL_AUDIENCE": ("PARTNER", "IMPRESSION_PLUS_ENGAGEMENT"),
    "YOUR_ENGAGED_AUDIENCE": ("PARTNER", "ENGAGEMENT"),
    "PINTEREST_TOTAL_AUDIENCE": ("PINTEREST", "IMPRESSION_PLUS_ENGAGEMENT"),
}
"""Scope and type that `insights/audiences` lists for each type of insights.

The names come from Pinterest's generated client. Their combinations were never observed.
"""


def truth_values(query: Mapping[str, str], name: str) -> dict[str, str]:
    """Converts one value of a query to lower case, so `true` and `false` may be in any case.

    Pinterest's generated client for Python sends `True` and `False`.
    """
    return {key: value.lower() if key == name else value for key, value in query.items()}


def may_redirect_to(uri: str) -> bool:
    """Whether the app's settings have a redirect URI: https, or http on this machine, any port.

    Pinterest compares with the URIs that the app's owner entered; the emulator's app has no list.
    """
    return _REDIRECT_URI.fullmatch(uri) is not None


def custom_audience_type(rule: Mapping[str, Any]) -> str:
    """The type of an audience from `audiences/custom`, because the request has none."""
    by_field = {
        "customer_list_id": "CUSTOMER_LIST",
        "seed_id": "ACTALIKE",
        "visitor_source_id": "VISITOR",
    }
    return next((kind for field, kind in by_field.items() if field in rule), "ENGAGEMENT")


def processed_size(audience_id: int) -> int:
    """Size of a processed audience; one in eight is too small, for variety."""
    number = int.from_bytes(sha256(str(audience_id).encode()).digest()[:4])
    if number % 8 == 0:
        return number % SMALLEST_READY_SIZE
    return SMALLEST_READY_SIZE + number % 900_000


def customer_list_is_ready(members: int | None, records: int) -> bool:
    """Whether a processed customer list is READY, not TOO_SMALL: every member counts.

    If not all members are known, every record counts as a different member.
    """
    return (records if members is None else members) >= SMALLEST_READY_SIZE


def accepts_email(record: str, *, hashed: bool) -> bool:
    """Whether a list of e-mail addresses accepts a record.

    Plain or hashed, the record must be in lower case (Pinterest OpenAPI 5.23). Guessed: one
    record in upper case makes the whole request fail, and the form of a plain address.
    """
    if record != record.lower():
        return False
    return hashed or ("@" in record and len(record.split()) == 1)


def comma_separated(text: str) -> str:
    """Records of an uploaded file, one per line or between commas; no format is documented."""
    return text.replace("\n", ",")


def invalid_record(list_type: str) -> tuple[int, str]:
    """`error_code` and `message` of an invalid record, which an upload skips.

    The example of the description is `42` and `Invalid email` (Pinterest OpenAPI 5.23).
    """
    return 42, f"Invalid {list_type.lower().replace('_', ' ')}"


def share_permissions(operation_type: str) -> list[str]:
    """`permissions` after a SHARE or a REVOKE: what the recipients may do afterwards.

    The names come from the description's example, which also has RESOURCE_PINNER_LIST_OWNER.
    """
    return ["RESOURCE_PINNER_LIST_READER"] if operation_type == "SHARE" else []


def may_receive(account_id: int, owner_id: int) -> bool:
    """Whether an existing account may receive an audience: every account except the owner.

    Pinterest requires one business hierarchy (Pinterest OpenAPI 5.23), which the emulator does
    not model. A repeated SHARE keeps the time of the first; a REVOKE of no share has no effect.
    """
    return account_id != owner_id


def answered_rule(rule: Mapping[str, Any]) -> dict[str, Any]:
    """The rule in a response: with sorted keys, and its seeds as a list.

    Seen live 2026-07 only: `retention_days` came back before `visitor_source_id`, although it was
    sent after it.
    """
    sorted_rule = dict(sorted(rule.items()))
    if isinstance(rule.get("seed_id"), str):
        sorted_rule["seed_id"] = [rule["seed_id"]]
    return sorted_rule


def rule_of_unions(rule: Mapping[str, Any]) -> dict[str, Any]:
    """The rule in a response of 5.28: a single seed is one text, not a list.

    Pinterest OpenAPI 5.28 says that `seed_id` has one of two forms, but not which two.
    """
    seeds = rule.get("seed_id")
    if isinstance(seeds, list) and len(seeds) == 1:
        return {**rule, "seed_id": seeds[0]}
    return dict(rule)


def updated_rule(_old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    """The rule after an update: the new one replaces the old one without a merge."""
    return answered_rule(new)


def updated_by_processing(updated_timestamp: int, ready_at: int) -> int:
    """`updated_timestamp` of a processed audience, in Unix seconds: processing changes it.

    This was observed for customer lists only.
    """
    return max(updated_timestamp, ready_at)


def removed(audience: Audience) -> Audience:
    """The response to a REMOVE: the audience with its last status.

    Afterwards no list shows the audience, also not to its recipients. A GET, a PATCH and a
    second REMOVE are a 404.
    """
    return audience


def received_ad_account_id(owner_id: int) -> int:
    """`ad_account_id` of a received audience: the owner's.

    A recipient can neither get nor update the audience: a 404.
    """
    return owner_id


def received_position(shared_on_timestamp: int, audience_id: int) -> int:
    """Sort key of a share among all that an ad account received.

    The list is ordered by the time of sharing (Pinterest OpenAPI 5.23). Guessed: the id decides
    between equal times. An id has at most 18 digits.
    """
    return shared_on_timestamp * 10**18 + audience_id


def shared_account_position(account_id: int) -> int:
    """Sort key of a share among all of its audience: the list is ordered by account id."""
    return account_id


def no_insights(insight_type: str) -> dict[str, Any]:
    """The insights of an ad account without data."""
    return {
        "categories": [],
        "demographics": {
            "ages": [],
            "genders": [],
            "devices": [],
            "metros": [],
            "countries": [],
        },
        "type": insight_type,
        "date": None,
        "size": 0,
        "size_is_upper_bound": False,
    }


def rate_limit_window(now: float, seconds: int) -> int:
    """Number of the window at `now`, in Unix seconds; windows are fixed and not sliding."""
    return floor(now / seconds)
