"""The sink of the stream ``audiences``."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import requests
from typing_extensions import override

from tap_pinterest_audiences.errors import RequestFailedError, redact
from tap_pinterest_audiences.operations import CREATE_CUSTOM_AUDIENCE
from target_pinterest_audiences.decisions import (
    Create,
    Decision,
    Defer,
    Reject,
    Remove,
    Unchanged,
    Update,
    Wait,
)
from target_pinterest_audiences.inventory import get_audience
from target_pinterest_audiences.names import name_key
from target_pinterest_audiences.plan import deferral, plan, seed_ids
from target_pinterest_audiences.references import Names, find, has_names, remap, resolve, unmapped
from target_pinterest_audiences.sinks import PinterestSink
from target_pinterest_audiences.wanted import Source, read

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from target_pinterest_audiences.inventory import Inventory
    from target_pinterest_audiences.wanted import Wanted

_ENDPOINT_GONE = {404, 405}


class AudiencesSink(PinterestSink):
    """Creates, updates, leaves or removes one audience per record."""

    @override
    def apply(self, record: Mapping[str, Any], *, last_call: bool) -> Decision | Wait:
        """Make an audience match a record."""
        wanted = read(
            record,
            self.config.get("ad_account_id"),
            override=self.config["override_ad_account"],
        )
        if isinstance(wanted, Reject):
            return wanted
        inventory = self.inventory(wanted.ad_account_id)
        if isinstance(inventory, Reject):
            return inventory
        outcome = self._apply(wanted, inventory, last_call=last_call)
        if wanted.source:
            waiting = self.target.copies.waiting
            (waiting.add if isinstance(outcome, Wait) else waiting.discard)(wanted.source)
            if isinstance(outcome, Defer):
                self.target.copies.put_off[wanted.source] = str(wanted.name)
        return outcome

    def _apply(self, wanted: Wanted, inventory: Inventory, *, last_call: bool) -> Decision | Wait:
        translated = self._with_ids_from_here(wanted, inventory, last_call=last_call)
        if isinstance(translated, Reject | Wait):
            return translated
        wanted = translated
        candidates, final = self.target.copies.candidates(wanted, inventory.matching(wanted))
        if not (final or last_call):
            return Wait(Reject("ambiguous_name", "another record may be meant by this name"))
        decision = self._plan(wanted, candidates)
        seeds = [seed for key in seed_ids(decision) if (seed := inventory.get(key))]
        return deferral(seeds) or self._carry_out(decision, wanted, inventory)

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

    def _plan(self, wanted: Wanted, existing: Sequence[Mapping[str, Any]]) -> Decision:
        return plan(
            wanted,
            existing,
            write_mode=self.config["write_mode"],
            on_ambiguous=self.config["on_ambiguous"],
        )

    def _with_ids_from_here(
        self, wanted: Wanted, inventory: Inventory, *, last_call: bool
    ) -> Wanted | Reject | Wait:
        """Put this ad account's ids into the rule, for names and for another account's ids."""
        rule: Mapping[str, Any] | Reject | Wait | None = wanted.rule
        if wanted.remove:
            return replace(wanted, rule=None)
        if wanted.source and wanted.rule is not None:
            source_account = wanted.source.ad_account_id

            def seed(audience_id: str) -> str | Reject | Wait:
                return self._copy_of(Source(source_account, audience_id), inventory, last_call)

            rule = remap(wanted.rule, wanted.ad_account_id, self.config["id_map"], seed)
        if isinstance(rule, Reject | Wait):
            return rule
        if rule is not None and has_names(rule):
            names = Names(
                inventory.named,
                inventory.named_list,
                self.config["on_ambiguous"],
            )
            rule = resolve(rule, names)
        return rule if isinstance(rule, Reject | Wait) else replace(wanted, rule=rule)

    def _copy_of(
        self,
        source: Source,
        inventory: Inventory,
        last_call: bool,  # noqa: FBT001
    ) -> str | Reject | Wait:
        """Find the audience that one of another account became here.

        If no record says so, that account is asked for its name.
        """
        copies = self.target.copies
        lost = unmapped("seed_id", str(source.audience_id))
        if copied := copies.became(source):
            return copied
        if source in copies.put_off:
            return Wait(lost, redact(name_key(copies.put_off[source])))
        if not last_call or source in copies.waiting:
            return Wait(lost)
        name = copies.name(source, lambda: self._name_there(source))
        if name is None:
            return lost
        return find(name, inventory.named, "audience", self.config["on_ambiguous"])

    def _name_there(self, source: Source) -> str | None:
        """Ask another ad account for the name of an audience; None if that can not be told."""
        try:
            there = get_audience(self.target.api, source.ad_account_id, str(source.audience_id))
        except RequestFailedError as error:
            if error.status != requests.codes.forbidden:
                raise
            return None
        return (there or {}).get("name")

    def _carry_out(self, decision: Decision, wanted: Wanted, inventory: Inventory) -> Decision:
        writer = self.target.writer
        audience_id = None
        match decision:
            case Create():
                audience = writer.create(decision, inventory)
                inventory.put(audience)
                audience_id = str(audience["id"])
                self.target.made.add(audience_id)
                self._settle(wanted, audience, inventory)
                decision = replace(decision, audience_id=audience_id)
            case Update():
                audience = writer.update(decision, inventory)
                inventory.put(audience)
                audience_id = decision.audience_id
                self._settle(wanted, audience, inventory)
            case Remove():
                writer.remove(decision)
                inventory.drop(decision.audience_id)
            case Unchanged():
                audience_id = decision.audience_id
            case _:
                pass
        if wanted.source and audience_id:
            self.target.copies.note(wanted.source, audience_id)
        return decision

    def _settle(self, wanted: Wanted, audience: Mapping[str, Any], inventory: Inventory) -> None:
        """Compare what Pinterest answered to a write with what was wanted.

        A custom audience is created without its description, which that endpoint does not take.
        """
        left = plan(wanted, [audience])
        if isinstance(left, Update) and wanted.sharing:
            audience = self.target.writer.update(left, inventory)
            inventory.put(audience)
            left = plan(wanted, [audience])
        if isinstance(left, Update):
            self.logger.warning(
                "Pinterest took the write to audience %s, but answers with another %s",
                left.audience_id,
                " and ".join(left.body),
            )
