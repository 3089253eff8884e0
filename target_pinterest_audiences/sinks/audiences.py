"""The sink of the stream ``audiences``."""

from __future__ import annotations

import functools
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import requests
from typing_extensions import override

from pinterest_audiences.api.operations import CREATE_CUSTOM_AUDIENCE
from pinterest_audiences.errors import RequestFailedError, redact
from target_pinterest_audiences.audiences.claims import Claim, claim_of
from target_pinterest_audiences.audiences.desired import Source, read
from target_pinterest_audiences.audiences.existing import get_audience
from target_pinterest_audiences.audiences.plan import deferral, plan
from target_pinterest_audiences.audiences.references import (
    Names,
    find,
    has_names,
    newest,
    remap,
    resolve,
    unmapped,
)
from target_pinterest_audiences.audiences.touched import touched
from target_pinterest_audiences.changes import (
    Change,
    Create,
    Defer,
    Pending,
    Reject,
    Remove,
    Unchanged,
    Update,
)
from target_pinterest_audiences.input.names import name_key
from target_pinterest_audiences.run.in_flight import Started
from target_pinterest_audiences.sinks.base import PinterestSink

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from target_pinterest_audiences.audiences.desired import Desired
    from target_pinterest_audiences.audiences.existing import Inventory
    from target_pinterest_audiences.audiences.writer import Sent
    from target_pinterest_audiences.changes import Entry

_ENDPOINT_GONE = {404, 405}
_MAY_COME = {"incomplete", "not_found"}
"""Rejections of a record whose audience a later record may make, or call so."""


class AudiencesSink(PinterestSink):
    """Creates, updates, leaves or removes one audience per record."""

    @override
    def match(
        self, record: Mapping[str, Any], entry: Entry, *, last_call: bool
    ) -> Change | Pending | Started:
        """Make an audience match a record, in four steps: parse, resolve, plan, apply."""
        desired = self.parse(record)
        if isinstance(desired, Reject):
            return desired
        self._await_others(desired)
        inventory = self.inventory(desired.ad_account_id)
        if isinstance(inventory, Reject):
            return inventory
        outcome = self._match(desired, inventory, entry, last_call=last_call)
        if desired.source:
            waits = isinstance(outcome, Pending)
            self.context.account_copy.note_waiting(desired, desired.source, waits=waits)
            if isinstance(outcome, Defer):
                self.context.account_copy.put_off[desired.source] = str(desired.name)
        return outcome

    def _match(
        self, desired: Desired, inventory: Inventory, entry: Entry, *, last_call: bool
    ) -> Change | Pending | Started:
        resolved = self.resolve(desired, inventory, entry, last_call=last_call)
        if isinstance(resolved, Reject | Pending):
            return resolved
        desired, candidates = resolved
        claim = claim_of(desired, self._meant(candidates))
        planned = self.plan(desired, candidates, claim, inventory, entry)
        if isinstance(planned, Reject | Pending):
            return planned

        def apply(sent: Sent | None = None) -> Change:
            change = self.apply(planned, desired, inventory, sent)
            created = change.audience_id if isinstance(change, Create) else None
            made = replace(claim, ids=frozenset([created])) if created else claim
            self.context.claims.hold(entry, made)
            return change

        if not isinstance(planned, Create | Update | Remove):
            return apply()
        return self._send_ahead(planned, desired, inventory, apply) or apply()

    def _send_ahead(
        self,
        change: Create | Update | Remove,
        desired: Desired,
        inventory: Inventory,
        apply: Callable[[Sent], Change],
    ) -> Started | None:
        """Send a write without waiting for its answer; if that cannot be, wait for all others."""
        in_flight = self.context.in_flight
        several = in_flight.is_possible and self.context.api.is_slow
        keys = touched(desired, inventory, self.context.claims) if several else None
        if keys is not None:
            in_flight.make_room()
            if sent := self.context.writer.send_ahead(change, inventory):
                return Started(sent.answer, keys, functools.partial(apply, sent))
        in_flight.settle()
        return None

    def _await_others(self, desired: Desired) -> None:
        """Wait for what is on its way, if it may decide what becomes of a record."""
        in_flight = self.context.in_flight
        if in_flight.is_empty:
            return
        inventory = self.context.known_inventory(desired.ad_account_id)
        keys = touched(desired, inventory, self.context.claims)
        if keys is None or in_flight.touches(keys):
            in_flight.settle()

    def parse(self, record: Mapping[str, Any]) -> Desired | Reject:
        """Read what a record wants."""
        return read(
            record,
            self.config.get("ad_account_id"),
            override=self.config["override_ad_account"],
        )

    def resolve(
        self, desired: Desired, inventory: Inventory, entry: Entry, *, last_call: bool
    ) -> tuple[Desired, Sequence[Mapping[str, Any]]] | Reject | Pending:
        """Find the audiences that a record may mean, and put this ad account's ids into its rule.

        Returns:
            The record with these ids, and the audiences; or why it is rejected, or waits.
        """
        translated = self._with_ids_from_here(desired, inventory, entry, last_call=last_call)
        if isinstance(translated, Reject):
            return translated
        if isinstance(translated, Pending):
            return self._wait(translated, desired, inventory, entry)
        found: Sequence[Mapping[str, Any]] = inventory.matching(translated)
        if translated.source is None:
            return translated, found
        account_copy = self.context.account_copy
        candidates, final = account_copy.candidates(translated, found)
        if not final and (not last_call or account_copy.may_be_claimed(translated)):
            several = Reject("ambiguous_name", "another record may be meant by this name")
            return self._wait(Pending(several), translated, inventory, entry)
        return translated, candidates

    def plan(
        self,
        desired: Desired,
        candidates: Sequence[Mapping[str, Any]],
        claim: Claim,
        inventory: Inventory,
        entry: Entry,
    ) -> Change | Pending:
        """Decide what to do; what contradicts an earlier record is rejected."""
        claims = self.context.claims
        change = plan(
            desired,
            candidates,
            write_mode=self.config["write_mode"],
            on_ambiguous=self.config["on_ambiguous"],
        )
        code = change.code if isinstance(change, Reject) else None
        if code == "ambiguous_name":
            claims.hold(entry, claim_of(desired, candidates).name_only())
        if code and code not in {"type_differs", *_MAY_COME}:
            return change
        if conflict := self._conflict(claim, desired, inventory, entry):
            return conflict
        if code == "type_differs":
            # Also that it is there: if a later record removed it, the next run would create it.
            claims.hold(entry, replace(claim.name_only(), exists=claim.exists))
            return change
        if isinstance(change, Reject):
            claims.hold(entry, replace(claim, waiting=True))
            return Pending(change, redact(name_key(str(desired.name))))
        return deferral(change, inventory.get) or change

    def apply(
        self, change: Change, desired: Desired, inventory: Inventory, sent: Sent | None = None
    ) -> Change:
        """Send what was decided, if that is anything and was not ``sent`` already."""
        writer = self.context.writer
        audience_id = None
        match change:
            case Create():
                audience = writer.create(change, inventory, sent)
                inventory.put(audience)
                audience_id = str(audience["id"])
                self.context.created_ids.add(audience_id)
                self._settle(desired, audience, inventory)
                change = replace(change, audience_id=audience_id)
            case Update():
                audience = writer.update(change, inventory, sent)
                inventory.put(audience)
                audience_id = change.audience_id
                self._settle(desired, audience, inventory)
            case Remove():
                writer.remove(change, sent)
                inventory.drop(change.audience_id)
            case Unchanged():
                audience_id = change.audience_id
            case _:
                pass
        if desired.source and audience_id:
            self.context.account_copy.note(desired.source, audience_id)
        return change

    def _wait(
        self, wait: Pending, desired: Desired, inventory: Inventory, entry: Entry
    ) -> Reject | Pending:
        """Have a record wait, unless what is known of it contradicts another one."""
        meant = [] if desired.source else self._meant(inventory.matching(desired))
        claim = claim_of(desired, meant)
        if conflict := self._conflict(
            claim_of(replace(desired, rule=None), meant), desired, inventory, entry
        ):
            return conflict
        self.context.claims.hold(entry, replace(claim, waiting=True))
        return wait

    def _conflict(
        self, claim: Claim, desired: Desired, inventory: Inventory, entry: Entry
    ) -> Reject | Pending | None:
        """Find a record that contradicts this one.

        A copy that waits may still become an audience that has its name already.
        """
        claims, account = self.context.claims, desired.ad_account_id
        audience = inventory.get(next(iter(claim.ids))) if len(claim.ids) == 1 else None
        now = (account, name_key(str(audience.get("name")))) if audience else None
        undecided = (
            desired.source is not None
            and not claim.ids
            and bool(inventory.named(str(desired.name)))
        )
        then = None if desired.remove or undecided else claim.wishes.get("name", now)
        conflict = claims.conflict(
            entry,
            claim,
            to_name=None if then == now else then,
            from_name=None if then == now else now,
        )
        if conflict and claim.key:
            claims.hold(entry, claim.name_only())
        return conflict

    def _meant(self, found: Sequence[Mapping[str, Any]]) -> Sequence[Mapping[str, Any]]:
        """Return which of several audiences of one name are meant."""
        return [newest(found)] if found and self.config["on_ambiguous"] == "newest" else found

    @override
    def refused(self, error: RequestFailedError) -> Reject:
        """Explain the end of the endpoint for custom audiences, if that is what it is."""
        if error.operation == CREATE_CUSTOM_AUDIENCE.name and error.status in _ENDPOINT_GONE:
            return Reject(
                "custom_endpoint_gone",
                "Pinterest removed the endpoint for custom audiences (audiences/create_custom) "
                f"from its API in version 5.20 and answers HTTP {error.status}: this record can "
                "not be created; leave out sharing_type and data_party to create an ordinary "
                "audience",
            )
        return super().refused(error)

    def _with_ids_from_here(
        self, desired: Desired, inventory: Inventory, entry: Entry, *, last_call: bool
    ) -> Desired | Reject | Pending:
        """Put this ad account's ids into the rule, for names and for another account's ids."""
        rule: Mapping[str, Any] | Reject | Pending | None = desired.rule
        if desired.remove:
            return replace(desired, rule=None)

        def named(name: str) -> Sequence[Mapping[str, Any]]:
            found = inventory.named(name)
            ids = frozenset(str(item["id"]) for item in self._meant(found))
            key = (desired.ad_account_id, name_key(name))
            self.context.claims.hold(entry, Claim(key=key, ids=ids, waiting=not found))
            return found

        if desired.source and desired.rule is not None:
            source_account = desired.source.ad_account_id

            def seed(audience_id: str) -> str | Reject | Pending:
                return self._copy_of(Source(source_account, audience_id), named, last_call)

            rule = remap(desired.rule, desired.ad_account_id, self.config["id_map"], seed)
        if isinstance(rule, Reject | Pending):
            return rule
        if rule is not None and has_names(rule):
            names = Names(
                named,
                inventory.named_list,
                self.config["on_ambiguous"],
            )
            rule = resolve(rule, names)
        return rule if isinstance(rule, Reject | Pending) else replace(desired, rule=rule)

    def _copy_of(
        self,
        source: Source,
        named: Callable[[str], Sequence[Mapping[str, Any]]],
        last_call: bool,  # noqa: FBT001
    ) -> str | Reject | Pending:
        """Find the audience that one of another account became here.

        If no record says so, that account is asked for its name.
        """
        account_copy = self.context.account_copy
        lost = unmapped("seed_id", str(source.audience_id))
        if copied := account_copy.became(source):
            return copied
        if source in account_copy.put_off:
            return Pending(lost, redact(name_key(account_copy.put_off[source])))
        if not last_call or source in account_copy.waiting:
            return Pending(lost)
        name = account_copy.name(source, lambda: self._name_there(source))
        if name is None:
            return lost
        return find(name, named, "audience", self.config["on_ambiguous"])

    def _name_there(self, source: Source) -> str | None:
        """Ask another ad account for the name of an audience; None if Pinterest does not say."""
        try:
            there = get_audience(self.context.api, source.ad_account_id, str(source.audience_id))
        except RequestFailedError as error:
            if error.status != requests.codes.forbidden:
                raise
            return None
        return (there or {}).get("name")

    def _settle(self, desired: Desired, audience: Mapping[str, Any], inventory: Inventory) -> None:
        """Compare what Pinterest answered to a write with what was desired.

        A custom audience is created without its description, which that endpoint does not take.
        """
        left = plan(desired, [audience])
        if isinstance(left, Update) and desired.sharing:
            audience = self.context.writer.update(left, inventory)
            inventory.put(audience)
            left = plan(desired, [audience])
        if isinstance(left, Update):
            self.logger.warning(
                "Pinterest took the write to audience %s, but answers with another %s",
                left.audience_id,
                " and ".join(left.body),
            )
