"""Accounts that an audience is shared with: what a record asks for, and what is left to do.

No I/O in here. Source: Pinterest's OpenAPI description 5.23.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from target_pinterest_audiences.audiences.claims import Claim
from target_pinterest_audiences.audiences.desired import Source
from target_pinterest_audiences.changes import Owner, Reject, Share, Unchanged
from target_pinterest_audiences.input.column_names import OPERATION_COLUMNS, Columns
from target_pinterest_audiences.input.deletions import KEY_ONLY_DELETION, is_deleted, is_removal
from target_pinterest_audiences.input.names import name_in, name_key
from target_pinterest_audiences.input.values import (
    UnreadableRecordError,
    id_in,
    ids_in,
    operation_in,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from target_pinterest_audiences.audiences.plan import WriteMode

AD_ACCOUNT = "AD_ACCOUNT"
BUSINESS_ACCOUNT = "BUSINESS_ACCOUNT"
OPERATION_TYPES = ("SHARE", "REVOKE")
SHARING_COLUMNS = Columns(
    *("audience_id", "audience_name", "ad_account_id", "business_id"),
    *("recipient_account_ids", "recipient_business_ids"),
    *OPERATION_COLUMNS,
)


@dataclass(frozen=True, slots=True)
class WantedSharing:
    """What a record of the stream ``audience_sharing`` wants.

    Attributes:
        owner: Who shares.
        audience_id: The audience, unless it is named.
        audience_name: Its name in the owner's account, if it is an ad account.
        recipients: Ids by account type.
        revoke: True to end it.
        source: Set if the record is of another ad account: its copy is meant.
    """

    owner: Owner
    audience_id: str | None
    audience_name: str | None
    recipients: Mapping[str, Sequence[str]]
    revoke: bool
    source: Source | None = None


def read_sharing(
    record: Mapping[str, Any], default_account: str | None, *, override: bool = False
) -> WantedSharing | Reject:
    """Read a record; columns that it does not know are ignored.

    Args:
        record: A Singer record. Recipients may be a list, its JSON text, or one id.
        default_account: The ad account of a record that names no owner.
        override: Share only what ``default_account`` owns; a record of another account is a copy.
    """
    try:
        return _read(SHARING_COLUMNS.read(record), default_account, override=override)
    except UnreadableRecordError as error:
        return error.reject


def claim_of_sharing(desired: WantedSharing, *ids: str | None) -> Claim:
    """Return what a record claims.

    Args:
        desired: What the record wants.
        ids: The audiences that it may mean, as far as they are there.
    """
    by_id = desired.audience_id or (desired.source and desired.source.audience_id)
    return Claim(
        key=None if by_id else (desired.owner.account_id, name_key(str(desired.audience_name))),
        ids=frozenset(key for key in ids if key),
        source=desired.source,
        wishes={
            f"sharing with {one}": not desired.revoke
            for ids_of_type in desired.recipients.values()
            for one in ids_of_type
        },
        exists=None if desired.revoke else True,
    )


def plan_sharing(
    desired: WantedSharing,
    audience_id: str,
    now: Mapping[str, Collection[str] | None],
    write_mode: WriteMode = "upsert",
) -> Share | Unchanged | Reject:
    """Decide which accounts the audience must still be shared with.

    Args:
        desired: What the record wants.
        audience_id: The audience.
        now: Accounts it is shared with, ids by account type; None if there is no such audience.
        write_mode: ``create`` ends no sharing that exists, ``update`` begins none.
    """
    left = {}
    for account_type, ids in desired.recipients.items():
        shared = now[account_type]
        if shared is None and not desired.revoke:
            kind = "business" if desired.owner.account_type == BUSINESS_ACCOUNT else "ad account"
            return Reject(
                "unknown_id", f"{kind} {desired.owner.account_id} has no audience {audience_id}"
            )
        still = [one for one in ids if (one in (shared or ())) == desired.revoke]
        if still:
            left[account_type] = still
    if not left:
        return Unchanged(audience_id)
    if write_mode == ("create" if desired.revoke else "update"):
        return _wrong_mode(audience_id, left, revoke=desired.revoke)
    return Share(desired.owner, audience_id, left, desired.revoke)


def _wrong_mode(audience_id: str, left: Mapping[str, Sequence[str]], *, revoke: bool) -> Reject:
    accounts = ", ".join(one for ids in left.values() for one in ids)
    if revoke:
        return Reject(
            "exists",
            f"audience {audience_id} is shared with {accounts}, and write_mode create changes "
            "nothing that exists: set write_mode to upsert",
        )
    return Reject(
        "not_found",
        f"audience {audience_id} is not shared with {accounts}, and write_mode update adds nobody: "
        "use write_mode upsert",
    )


def _read(
    record: Mapping[str, Any], default_account: str | None, *, override: bool
) -> WantedSharing:
    business = id_in(record, "business_id")
    account = id_in(record, "ad_account_id") or default_account
    audience_id, name = id_in(record, "audience_id"), name_in(record, "audience_name")
    recipients = {
        AD_ACCOUNT: ids_in(record, "recipient_account_ids"),
        BUSINESS_ACCOUNT: ids_in(record, "recipient_business_ids"),
    }
    revoke = is_removal(record, OPERATION_TYPES, "REVOKE")
    if not (audience_id or name) and is_deleted(record):
        raise UnreadableRecordError(KEY_ONLY_DELETION)
    _require(
        business or account,
        "no_owner",
        "the record names no owner: add the column ad_account_id (or business_id), or set the "
        "setting ad_account_id",
    )
    _require(
        not (business and override),
        "owner_not_copied",
        "the record's owner is a business, and override_ad_account writes only to the ad account "
        "of the settings: leave business_id empty, or share it in a run without that setting",
    )
    source = None
    if override and not business and account and default_account and account != default_account:
        source = Source(account, audience_id)
        audience_id, account = None, default_account
    _require(
        audience_id or (source and source.audience_id) or (name and not business),
        "no_audience",
        "the record has neither audience_id nor audience_name (a business shares by audience_id "
        "only): give it one",
    )
    _require(
        any(recipients.values()),
        "no_recipients",
        "the record has neither recipient_account_ids nor recipient_business_ids: give it one",
    )
    _require(
        revoke or operation_in(record, OPERATION_TYPES),
        "no_operation_type",
        f"the record has no operation_type: it is one of {', '.join(OPERATION_TYPES)}",
    )
    owner = Owner(BUSINESS_ACCOUNT, business) if business else Owner(AD_ACCOUNT, str(account))
    recipients = {kind: ids for kind, ids in recipients.items() if ids}
    return WantedSharing(owner, audience_id, name, recipients, revoke, source)


def _require(there: object, code: str, reason: str) -> None:
    if not there:
        raise UnreadableRecordError(Reject(code, reason))
