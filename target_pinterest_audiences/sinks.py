"""The sinks: read a record, ask the plan, apply what it says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import requests
from singer_sdk.sinks import Sink
from typing_extensions import override

from tap_pinterest_audiences.errors import NoAnswerError, RequestFailedError, redact
from tap_pinterest_audiences.operations import (
    CREATE_AUDIENCE,
    CREATE_CUSTOM_AUDIENCE,
    UPDATE_AUDIENCE,
)
from target_pinterest_audiences.decisions import (
    Create,
    Decision,
    Reject,
    Remove,
    Unchanged,
    Update,
)
from target_pinterest_audiences.plan import made_by, plan
from target_pinterest_audiences.wanted import Wanted, read

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from target_pinterest_audiences.inventory import Inventory
    from target_pinterest_audiences.target import TargetPinterestAudiences

_ENDPOINT_GONE = {404, 405}
_NOT_FOR_THIS_RECORD_ALONE = {401}
"""Refusals that would meet every other record as well, so the run ends."""


class AudiencesSink(Sink):
    """Creates, updates, leaves or removes one audience per record, before the next is read."""

    def __init__(
        self,
        target: TargetPinterestAudiences,
        stream_name: str,
        schema: dict[str, Any],
        key_properties: Sequence[str] | None,  # noqa: ARG002
    ) -> None:
        """Prepare the sink; nothing is asked of Pinterest before the first record.

        The stream's own schema and key are not enforced: they describe a table in somebody's
        warehouse, and would end the run at the first bad record. ``wanted`` reads records, and
        the plan rejects one without stopping those behind it.
        """
        super().__init__(target, stream_name, schema, None)
        self.schema = {"properties": {}, "additionalProperties": True}
        self.target = target
        self._position = 0
        self._unreadable: dict[str, Reject] = {}

    @property
    @override
    def include_sdc_metadata_properties(self) -> bool:
        """Keep ``_sdc_deleted_at``, which the SDK strips otherwise: it says "remove"."""
        return True

    @override
    def get_validator(self) -> None:
        """Leave the checks to ``wanted`` and the plan."""

    @override
    def process_record(self, record: dict[str, Any], context: dict[str, Any]) -> None:
        """Make Pinterest match one record, or reject it."""
        self._position += 1
        label = f"{self.stream_name} record {self._position}"
        for field in ("id", "name"):
            if record.get(field):
                label += f", {field} {redact(str(record[field]))}"
        self.target.report.add(self._apply_record(record), label)

    @override
    def process_batch(self, context: dict[str, Any]) -> None:
        """Process the records of a file that a BATCH message named; there are no others here."""
        for record in context.get("records", ()):
            self.process_record(record, context)

    def _apply_record(self, record: Mapping[str, Any]) -> Decision:
        wanted = read(record, self.config.get("ad_account_id"))
        if isinstance(wanted, Reject):
            return wanted
        inventory = self._inventory(wanted.ad_account_id)
        if isinstance(inventory, Reject):
            return inventory
        try:
            decision = self._plan(wanted, inventory.matching(wanted))
            self._apply(decision, wanted, inventory)
        except RequestFailedError as error:
            if error.status in _NOT_FOR_THIS_RECORD_ALONE:
                raise
            return _refused(error)
        return decision

    def _inventory(self, account: str) -> Inventory | Reject:
        if account in self._unreadable:
            return self._unreadable[account]
        try:
            return self.target.inventory(account)
        except RequestFailedError as error:
            if error.status in _NOT_FOR_THIS_RECORD_ALONE:
                raise
            reject = Reject("unreadable_account", f"ad account {account} can not be read: {error}")
            self._unreadable[account] = reject
            return reject

    def _plan(self, wanted: Wanted, existing: Sequence[Mapping[str, Any]]) -> Decision:
        return plan(
            wanted,
            existing,
            write_mode=self.config["write_mode"],
            on_ambiguous=self.config["on_ambiguous"],
        )

    def _apply(self, decision: Decision, wanted: Wanted, inventory: Inventory) -> None:
        match decision:
            case Create():
                audience = self._create(decision, inventory)
                inventory.put(audience)
                self._settle(wanted, audience, inventory)
            case Update():
                audience = self._update(decision, decision.body)
                inventory.put(audience)
                self._settle(wanted, audience, inventory)
            case Remove():
                try:
                    self._update(decision, {"operation_type": "REMOVE"})
                except RequestFailedError as error:
                    if error.status != requests.codes.not_found:
                        raise
                inventory.drop(decision.audience_id)
            case Unchanged() | Reject():
                pass

    def _create(self, decision: Create, inventory: Inventory) -> Mapping[str, Any]:
        """Create an audience exactly once.

        When the answer is lost, the audience may be there all the same, and Pinterest would take
        a second one of the same name: so look before sending it again.
        """
        operation = CREATE_CUSTOM_AUDIENCE if decision.custom else CREATE_AUDIENCE
        answer_was_lost = False

        @self.target.api.patiently(lambda error: not _may_be_lost(error))
        def look_and_send() -> Mapping[str, Any]:
            nonlocal answer_was_lost
            if answer_was_lost:
                found = [new for new in inventory.reload() if made_by(decision.body, new)]
                if found:
                    return found[0]
            try:
                return self.target.api.request(
                    operation, {"ad_account_id": decision.ad_account_id}, body=decision.body
                ).data
            except NoAnswerError:
                answer_was_lost = True
                raise

        return look_and_send()

    def _update(self, decision: Update | Remove, body: Mapping[str, Any]) -> Mapping[str, Any]:
        ids = {"ad_account_id": decision.ad_account_id, "audience_id": decision.audience_id}
        return self.target.api.request(UPDATE_AUDIENCE, ids, body=body).data

    def _settle(self, wanted: Wanted, audience: Mapping[str, Any], inventory: Inventory) -> None:
        """Compare what Pinterest answered to a write with what was wanted.

        A custom audience is created without its description, which that endpoint does not take.
        """
        left = plan(wanted, [audience])
        if isinstance(left, Update) and wanted.sharing:
            audience = self._update(left, left.body)
            inventory.put(audience)
            left = plan(wanted, [audience])
        if isinstance(left, Update):
            self.logger.warning(
                "Pinterest took the write to audience %s, but answers with another %s",
                left.audience_id,
                " and ".join(left.body),
            )


def _may_be_lost(error: Exception) -> bool:
    return isinstance(error, NoAnswerError) and not error.nothing_done


def _refused(error: RequestFailedError) -> Reject:
    if error.operation == CREATE_CUSTOM_AUDIENCE.name and error.status in _ENDPOINT_GONE:
        return Reject(
            "custom_endpoint_gone",
            "Pinterest removed the endpoint for custom audiences (audiences/create_custom) from "
            f"its API in version 5.20 and answers HTTP {error.status}: this record can not be "
            "created; leave out sharing_type and data_party to create an ordinary audience",
        )
    return Reject("refused", str(error))
