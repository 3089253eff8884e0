"""The sink of the stream ``audience_sharing``."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import requests
from typing_extensions import override

from pinterest_audiences.errors import RequestFailedError, redact
from target_pinterest_audiences.audiences.existing import shared_with
from target_pinterest_audiences.audiences.references import find
from target_pinterest_audiences.audiences.sharing import (
    claim_of_sharing,
    plan_sharing,
    read_sharing,
)
from target_pinterest_audiences.changes import Change, Owner, Pending, Reject, Share, Unchanged
from target_pinterest_audiences.input.names import name_key
from target_pinterest_audiences.sinks.base import PinterestSink

if TYPE_CHECKING:
    from collections.abc import Mapping

    from target_pinterest_audiences.audiences.desired import Source
    from target_pinterest_audiences.audiences.sharing import WantedSharing
    from target_pinterest_audiences.changes import Entry


class AudienceSharingSink(PinterestSink):
    """Shares one audience per record with ad accounts or businesses, or ends that."""

    @override
    def match(
        self, record: Mapping[str, Any], entry: Entry, *, last_call: bool
    ) -> Change | Pending:
        """Share an audience with the accounts that it is not shared with yet."""
        self.context.in_flight.settle()
        desired = read_sharing(
            record,
            self.config.get("ad_account_id"),
            override=self.config["override_ad_account"],
        )
        if isinstance(desired, Reject):
            return desired
        if desired.source and desired.source.audience_id:
            found = self._copy_of(desired, desired.source, entry, last_call=last_call)
        else:
            found = desired.audience_id or self._named(desired, entry)
        if isinstance(found, Reject):
            return found
        claims = self.context.claims
        claim = claim_of_sharing(desired, found if isinstance(found, str) else None)
        if conflict := claims.conflict(entry, claim):
            if claim.key:
                claims.hold(entry, claim.name_only())
            return conflict
        if isinstance(found, Pending):
            claims.hold(entry, replace(claim, waiting=True))
            gone = desired.revoke and desired.audience_name
            return replace(found, otherwise=Unchanged(None)) if gone else found
        change = self._share(desired, found)
        if not isinstance(change, Reject):
            claims.hold(entry, claim)
        return change

    def _share(self, desired: WantedSharing, audience_id: str) -> Share | Unchanged | Reject:
        now = {
            account_type: self._shared_with(desired.owner, audience_id, account_type)
            for account_type in desired.recipients
        }
        change = plan_sharing(desired, audience_id, now, self.config["write_mode"])
        if isinstance(change, Share):
            self.context.writer.share(change)
            for account_type, ids in change.recipients.items():
                known = self.context.shared_with_cache[desired.owner, audience_id, account_type]
                (known.difference_update if desired.revoke else known.update)(ids)
        return change

    def _copy_of(
        self, desired: WantedSharing, source: Source, entry: Entry, *, last_call: bool
    ) -> str | Reject | Pending:
        """Find what an audience of another ad account became: by its record, else by its name."""
        account_copy = self.context.account_copy
        if copied := account_copy.became(source):
            return copied
        lost = Reject(
            "no_copy",
            f"audience {source.audience_id} of ad account {source.ad_account_id} has no copy in "
            "this run, and only a copy can be shared: send its record of the stream audiences as "
            "well, or add the column audience_name",
        )
        if source in account_copy.put_off:
            return Pending(lost, redact(name_key(account_copy.put_off[source])))
        if not last_call or source in account_copy.waiting:
            return Pending(lost)
        return self._named(desired, entry) if desired.audience_name else lost

    def _named(self, desired: WantedSharing, entry: Entry) -> str | Reject | Pending:
        inventory = self.inventory(desired.owner.account_id)
        if isinstance(inventory, Reject):
            return inventory
        found = find(
            desired.audience_name,
            inventory.named,
            "audience",
            self.config["on_ambiguous"],
            removes=desired.revoke,
        )
        if isinstance(found, Reject):
            ids = [str(item["id"]) for item in inventory.named(str(desired.audience_name))]
            claim = claim_of_sharing(desired, *ids)
            self.context.claims.hold(entry, claim.name_only())
        return found

    def _shared_with(self, owner: Owner, audience_id: str, account_type: str) -> set[str] | None:
        """Return the accounts an audience is shared with; None if there is no such audience."""
        known = self.context.shared_with_cache
        key = (owner, audience_id, account_type)
        if key not in known and audience_id in self.context.created_ids:
            known[key] = set()
        if key not in known:
            try:
                known[key] = set(shared_with(self.context.api, *key))
            except RequestFailedError as error:
                if error.status != requests.codes.not_found:
                    raise
                return None
        return known[key]
