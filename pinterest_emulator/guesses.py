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

    from pinterest_emulator.data.models import Audience, CustomerList
    from pinterest_emulator.data.sharing import Share

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
"""Whether an audience of a customer list that its ad account has not is refused with a 400."""

SEED_MUST_BE_READY = True
"""Whether an ACTALIKE audience is refused with a 400 if a seed is not READY.

One whose seed is not among the audiences that the ad account owns always is.
"""

EMPTY_BATCHES_ARE_REFUSED = True
"""Whether a create or an update of a customer list without a single record is a 400."""

RECIPIENTS_ARE_TOLD = True
"""Whether who received an audience, and so may not share it, is answered 403 code 29.

To others an audience of somebody else is a 404.
"""

CHANGED_LIST_STATUS = "PROCESSING"
"""Status of a customer list from an ADD or REMOVE until that is processed, too.

Live, 2026-07, a list that was still PROCESSING was after two ADDs; a READY one was never seen to
be changed.
"""

SMALLEST_FILE_PART = 5 * 1024 * 1024
"""Bytes of each part of an upload but the last.

S3's own bound (Pinterest OpenAPI 5.23); S3 tells of it when the parts are put together. That
`customer_list_uploads/run` puts them together, and that the upload is FAILED then, is guessed.
"""

UPLOAD_RUNS_ONCE = True
"""Whether `customer_list_uploads/run` is refused with a 400 after the first time.

A part that comes after it is a 404 in any case: the file is not open any more.
"""

MISSING_PART = (1, "A part of the file is missing")
SMALL_PART = (2, "A part of the file is too small")
NO_TEXT = (3, "The file is not UTF-8 text")
NO_RECORDS = (4, "The file has no records")
"""Why an upload is FAILED: its `error_code` and `message`; one of them is all of its errors."""

UNKNOWN_TOKEN_IS_REVOKED = True
"""Whether to revoke a token that nobody has is a success, as RFC 7009 has it; else it is a 401.

A refresh token takes no access token with it. Pinterest revokes those of system users only
(Pinterest OpenAPI 5.23); here whoever holds a token counts as one.
"""

DEFAULT_ACCOUNT_TYPE = "AD_ACCOUNT"
"""Taken for a missing `account_type`, which Pinterest requires but gives a default, too."""

DEFAULT_INSIGHT_TYPE = "YOUR_TOTAL_AUDIENCE"
"""Taken for a missing `audience_insight_type`, where it is the same."""

SMALLEST_READY_SIZE = 100
"""People from which an audience is READY: the text says 100, an edge case was never seen."""

COMPANY_NAME = "Wickwillow Trading"
"""`created_by_company_name` of an audience made here; where Pinterest takes it from is unknown."""

POLICY_SUFFIX = "_app_id_user_id"
"""Ends the name of a rate-limit policy: seen for ads_read and org_read, not for ads_write."""

TRIAL_POLICY = "trial_app_id"
"""Name of the daily policy; no header of a trial app was recorded."""

TRIAL_POLICY_SUFFIX = "_app_id"
"""Ends the name of the daily policy of one category: it is of an app, not of a user."""

REFUSED_REQUESTS_COUNT = False
"""Whether a request that was answered 429 uses up quota itself."""

NO_OWNERSHIP_DEFAULT_LISTS_BOTH = True
"""Whether a list without `ownership_type` also shows received audiences from 5.28 on.

Pinterest OpenAPI 5.28 dropped the default OWNED, marked as a breaking change, and names no other
one. The two kinds then come together, in the order of their ids.
"""

FIELD_OF_LIST_TYPE = {
    "EMAIL": "email",
    "MAID": "maid",
    "IDFA": "maid",
    "HASHED_PINNER_ID": "hashed_pinner_id",
    "LR_ID": "liveramp_envelope",
}
"""The field of a row of `records_v2` that stands for its member in a list of that type.

Pinterest OpenAPI 5.28 does not say how a row is matched, nor what the type of a list means beside
rows. A row without that field is a member by all that it has.
"""

TOO_LARGE_CODE = 1
TOO_LARGE_MESSAGE = "Invalid request: the body is too large ({size} bytes, at most {most})."
"""Of the answer to a body of members that is too large; no limit is documented, none was seen."""

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


INSIGHT_DEFINITIONS = {
    "YOUR_TOTAL_AUDIENCE": ("PARTNER", "IMPRESSION_PLUS_ENGAGEMENT"),
    "YOUR_ENGAGED_AUDIENCE": ("PARTNER", "ENGAGEMENT"),
    "PINTEREST_TOTAL_AUDIENCE": ("PINTEREST", "IMPRESSION_PLUS_ENGAGEMENT"),
}
"""Scope and type that `insights/audiences` lists for each of an ad account's insights.

The names are those of Pinterest's generated client; how they go together was never seen.
"""


def truth_values(query: Mapping[str, str], name: str) -> dict[str, str]:
    """A query with one of its values in lower case: true and false are taken in any case.

    Pinterest's generated client for Python sends `True` and `False`.
    """
    return {key: value.lower() if key == name else value for key, value in query.items()}


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


def customer_list_is_ready(customer_list: CustomerList) -> bool:
    """Whether a processed customer list is READY, not TOO_SMALL: every member is on Pinterest.

    Where not all members are known, every record counts as another one.
    """
    members = customer_list.num_members
    if members is None:
        members = customer_list.num_uploaded_user_records - customer_list.num_removed_user_records
    return members >= SMALLEST_READY_SIZE


def accepts_email(record: str, *, hashed: bool) -> bool:
    """Whether a list of e-mail addresses accepts a record.

    Plain or hashed, it must be in lower case (Pinterest OpenAPI 5.23). That one which is not is
    refused, and with it all others of its request, is guessed; so is what a plain one must look
    like.
    """
    if record != record.lower():
        return False
    return hashed or ("@" in record and len(record.split()) == 1)


def comma_separated(text: str) -> str:
    """The file of an upload, whose format is nowhere described: one record a line, or by commas."""
    return text.replace("\n", ",")


def invalid_record(list_type: str) -> tuple[int, str]:
    """`error_code` and `message` of a record that an upload leaves out, the others being taken.

    The example of the description is `42` and `Invalid email` (Pinterest OpenAPI 5.23).
    """
    return 42, f"Invalid {list_type.lower().replace('_', ' ')}"


def share_permissions(operation_type: str) -> list[str]:
    """`permissions` after a SHARE or a REVOKE: what the recipients may do from then on.

    The names are those of the description's example, which has RESOURCE_PINNER_LIST_OWNER, too.
    """
    return ["RESOURCE_PINNER_LIST_READER"] if operation_type == "SHARE" else []


def may_receive(share: Share) -> bool:
    """Whether an ad account or a business that exists may receive an audience: but its owner.

    Pinterest wants them in one business hierarchy (Pinterest OpenAPI 5.23), which nobody here
    knows. To share what is shared already keeps its time; to revoke what is not changes nothing.
    """
    return share.account_id != share.owner_id


def answered_rule(rule: Mapping[str, Any]) -> dict[str, Any]:
    """The rule as it comes back: with its keys sorted, and its seeds as a list.

    Seen live 2026-07 is only that `retention_days` came back before `visitor_source_id`
    although it was sent after it.
    """
    sorted_rule = dict(sorted(rule.items()))
    if isinstance(rule.get("seed_id"), str):
        sorted_rule["seed_id"] = [rule["seed_id"]]
    return sorted_rule


def rule_of_unions(rule: Mapping[str, Any]) -> dict[str, Any]:
    """The rule as it comes back under 5.28: a single seed is one text, not a list.

    That `seed_id` has one of two forms is in Pinterest OpenAPI 5.28; which two is not.
    """
    seeds = rule.get("seed_id")
    if isinstance(seeds, list) and len(seeds) == 1:
        return {**rule, "seed_id": seeds[0]}
    return dict(rule)


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

    From then on no list shows it, nor does one of those it was shared with, and a GET or PATCH,
    even a second REMOVE, is a 404.
    """
    return audience


def received_ad_account_id(share: Share) -> int:
    """`ad_account_id` of an audience among those that somebody received: that of its owner.

    Through an account that received it, it can be neither read alone nor changed: a 404.
    """
    return share.owner_id


def received_position(share: Share) -> int:
    """Where a share stands among all that an ad account received.

    By the time of sharing (Pinterest OpenAPI 5.23); that the id decides between equal times is
    guessed. An id has at most 18 digits.
    """
    return share.shared_on_timestamp * 10**18 + share.audience_id


def shared_account_position(share: Share) -> int:
    """Where a share stands among all of its audience: the list is in the order of account ids."""
    return share.account_id


def no_insights(insight_type: str) -> dict[str, Any]:
    """The insights of an ad account about which there is nothing to say."""
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
    """Number of the window at `now`, in Unix seconds: windows are fixed and begin on the clock."""
    return floor(now / seconds)
