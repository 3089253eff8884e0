"""Contradicting records of one run: the first wins, and no run undoes another."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from programs import record, schema

from target_pinterest_audiences.target import TargetPinterestAudiences

if TYPE_CHECKING:
    from collections.abc import Sequence

    from programs import Programs

    from pinterest_emulator.testing import Emulator

ENGAGED: dict[str, Any] = {"audience_type": "ENGAGEMENT", "rule": {"engager_type": 1}}
OTHER_RULE: dict[str, Any] = {"audience_type": "ENGAGEMENT", "rule": {"engager_type": 2}}
REMOVE = {"operation_type": "REMOVE"}
OLD, ELDER, ELDEST = "OLD", "ELDER", "ELDEST"
"""Placeholders for the ids of three audiences; two are named B."""
CONFLICT = "conflicting_records"


def sharing(name: str | None = None, operation: str = "SHARE", **fields: Any) -> dict[str, Any]:
    said = {"audience_name": name, "operation_type": operation, **fields}
    said = {"recipient_account_ids": "RECIPIENT", **said}
    kept = {field: value for field, value in said.items() if value is not None}
    return record("audience_sharing", **kept)


class World:
    """A fresh ad account with A (OLD), B (ELDER) and once more B (ELDEST), and runs over it."""

    def __init__(self, emulator: Emulator, programs: Programs) -> None:
        self.emulator = emulator
        self.account, self.recipient, self.other = emulator.seed(ad_accounts=3, audiences=0)
        self._config = {**programs.settings, "ad_account_id": self.account}
        store = emulator._state.store  # noqa: SLF001  (made as quickly as possible)
        made = [
            store.create_audience(int(self.account), {"name": name, **ENGAGED}, now=1, ready_at=1)
            for name in ("B", "B", "A")
        ]
        self.ids = dict(zip((ELDEST, ELDER, OLD), (str(item.id) for item in made), strict=True))

    def run(self, records: Sequence[dict[str, Any]], **config: Any) -> list[str]:
        """Run in this process; return the result of each record that was not left alone."""
        words = {**self.ids, "RECIPIENT": self.recipient, "OTHER": self.other}
        text = "\n".join(
            json.dumps(line) for line in [schema(), schema("audience_sharing"), *records]
        )
        for word, key in words.items():
            text = text.replace(f'"{word}"', f'"{key}"')
        self.emulator.clear()
        target = TargetPinterestAudiences(config={**self._config, **config})
        with target.context.account_locks:
            target.listen(io.StringIO(text + "\n"))
        summary = target.context.report.summary(
            target.context.api,
            target.context.writer.planned_requests,
            error=None,
            exit_code=0,
            failures=[],
        )
        self.changes = sorted(
            summary["changes"], key=lambda change: (change["stream"], change["record"])
        )
        return [change.get("code", change["action"]) for change in self.changes]

    @property
    def writes(self) -> list[dict[str, Any]]:
        """The bodies of successful writes; a rule of a copy may be refused."""
        sent = self.emulator.requests()
        return [
            entry["body"] for entry in sent if entry["method"] != "GET" and entry["status"] < 300
        ]

    @property
    def audiences(self) -> dict[str, dict[str, Any]]:
        return {item["id"]: item for item in self.emulator.state()["audiences"][self.account]}


@pytest.fixture
def world(emulator: Emulator, programs: Programs) -> World:
    return World(emulator, programs)


CONFLICTS: dict[str, tuple[list[dict[str, Any]], list[str]]] = {
    "one name": (
        [record(name="A", description="x"), record(name="A", description="y")],
        ["updated", CONFLICT],
    ),
    "one id": (
        [record(id=OLD, rule={"engager_type": 2}), record(id=OLD, rule={"engager_type": 1})],
        ["updated", CONFLICT],
    ),
    "an id and a name": (
        [record(id=OLD, description="x"), record(name="A", description="")],
        ["updated", CONFLICT],
    ),
    "a new one": (
        [record(name="C", **ENGAGED), record(name="C", **OTHER_RULE)],
        ["created", CONFLICT],
    ),
    "a look-alike name": (
        [record(name="A", description="x"), record(name="A\u00a0", description="y")],
        ["updated", CONFLICT],
    ),
    "what the first leaves as it is": (
        [record(name="A", **ENGAGED), record(name="A", **OTHER_RULE)],
        [CONFLICT],
    ),
    "removed after a change": (
        [record(name="A", description="x"), record(id=OLD, **REMOVE)],
        ["updated", CONFLICT],
    ),
    "changed after a removal by name": (
        [record(name="A", **REMOVE), record(name="A", **ENGAGED)],
        ["removed", CONFLICT],
    ),
    "created after a removal of nothing": (
        [record(name="C", **REMOVE), record(name="C", **ENGAGED)],
        [CONFLICT],
    ),
    "renamed to what is to be gone": (
        [record(name="C", **REMOVE), record(id=OLD, name="C")],
        [CONFLICT],
    ),
    "two names for one id": (
        [record(id=OLD, name="C"), record(id=OLD, name="D")],
        ["updated", CONFLICT],
    ),
    "renamed after it was found by name": (
        [record(name="A", description="x"), record(id=OLD, name="C")],
        ["updated", CONFLICT],
    ),
    "another one gets a name that was looked up": (
        [record(name="A", description="x"), record(id=ELDER, name="A")],
        ["updated", CONFLICT],
    ),
    "shared and revoked": (
        [sharing("A"), sharing("A", "REVOKE"), sharing(None, "REVOKE", audience_id=OLD)],
        ["shared", CONFLICT, CONFLICT],
    ),
    "revoked and shared": ([sharing("A", "REVOKE"), sharing("A")], [CONFLICT]),
    "shared and removed": (
        [sharing("A"), record(name="A", **REMOVE)],
        ["shared", CONFLICT],
    ),
}


@pytest.mark.parametrize("case", CONFLICTS)
def test_first_of_two_records_that_contradict_each_other_wins(world: World, case: str) -> None:
    records, endings = CONFLICTS[case]
    assert world.run(records) == endings
    after = world.audiences
    written = {"updated", "created", "removed", "shared"}
    assert world.run(records) == [ending for ending in endings if ending not in written]
    assert (world.writes, world.audiences) == ([], after)


def test_conflict_names_the_earlier_record(world: World) -> None:
    records = [record(name="Z", **ENGAGED), *CONFLICTS["one name"][0]]
    world.run(records)
    assert "audiences record 2, name A" in world.changes[-1]["reason"]
    assert "(description)" in world.changes[-1]["reason"]


HARMONIES: dict[str, list[dict[str, Any]]] = {
    "different fields": [
        record(name="A", description="x"),
        record(id=OLD, rule={"engager_type": 2}),
        record(name="A", description="x"),
    ],
    "an incomplete record before the one that creates": [
        record(name="C", description="x"),
        record(name="C", **ENGAGED),
    ],
    "a name that another one had": [record(id=OLD, name="C"), record(name="A", **ENGAGED)],
    "a name before the rename": [record(name="C", description="x"), record(id=OLD, name="C")],
    "a removal by id and a new one": [record(id=OLD, **REMOVE), record(name="A", **ENGAGED)],
    "two that swap names": [record(id=OLD, name="B"), record(id=ELDER, name="A")],
    "revoked and removed": [sharing("A", "REVOKE"), record(id=OLD, **REMOVE)],
    "shared with two": [sharing("A"), sharing("A", recipient_account_ids="OTHER")],
    "a failure before": [
        record(name="C", audience_type="ENGAGEMENT", rule={"engager_type": 9}),
        record(name="C", **ENGAGED),
    ],
}


@pytest.mark.parametrize("case", HARMONIES)
def test_records_that_do_not_contradict_each_other_are_applied(world: World, case: str) -> None:
    records = HARMONIES[case]
    failures = ["bad_rule_value"] if case == "a failure before" else []
    endings = world.run(records)
    assert [ending for ending in endings if "_" in ending] == failures
    assert world.writes
    after = world.audiences
    assert world.run(records) == failures
    assert (world.writes, world.audiences) == ([], after)


def test_refused_record_causes_no_conflict(world: World) -> None:
    records = [record(name="C", **ENGAGED), record(name="C", **OTHER_RULE)]
    fault = {"operation": "audiences/create", "kind": "status", "status": 400, "code": 1}
    clear, world.emulator.clear = world.emulator.clear, lambda: None  # type: ignore[method-assign]
    world.emulator.fault(**fault)
    assert world.run(records) == ["refused", "created"]
    world.emulator.clear = clear  # type: ignore[method-assign]


_names = st.sampled_from(["A", "B", "C", " A\u00a0"])
_ids = st.sampled_from([OLD, ELDER, ELDEST])
_wish = st.fixed_dictionaries(
    {},
    optional={
        "description": st.sampled_from(["x", "y", "", None]),
        "audience_type": st.sampled_from(["ENGAGEMENT"] * 3 + ["VISITOR", "PERSONA"]),
        "rule": st.sampled_from([{"engager_type": 1}, {"engager_type": 2}, {"engager_type": 9}]),
    },
)
_whole = st.just(ENGAGED)
_removal = st.just(REMOVE)
_grown = st.builds(
    lambda seeds: {
        "audience_type": "ACTALIKE",
        "rule": {"seed_name": seeds, "country": "US", "percentage": 1},
    },
    _names,
)


def _line(*whose: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    parts = st.one_of(_wish, _whole, _wish, _removal, _grown)
    return st.builds(lambda which, what: record(**which, **what), st.one_of(*whose), parts)


_audience_lines = _line(
    st.builds(dict, name=_names),
    st.builds(dict, id=_ids),
    st.builds(dict, id=_ids, name=_names),
    st.builds(dict, id=st.sampled_from(["1", "2"]), name=_names, ad_account_id=st.just("OTHER")),
)
_sharing_lines = st.builds(
    lambda which, operation, to: sharing(**which, operation=operation, recipient_account_ids=to),
    st.builds(dict, name=_names) | st.builds(dict, audience_id=_ids),
    st.sampled_from(["SHARE", "REVOKE"]),
    st.sampled_from(["RECIPIENT", ["RECIPIENT", "OTHER"]]),
)
_modes = st.fixed_dictionaries(
    {
        "on_ambiguous": st.sampled_from(["reject", "newest"]),
        "write_mode": st.sampled_from(["upsert"] * 4 + ["create", "update"]),
        "override_ad_account": st.booleans(),
    }
)


@given(
    records=st.lists(st.one_of(_audience_lines, _audience_lines, _sharing_lines), max_size=6),
    modes=_modes,
)
@settings(
    max_examples=150,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@example(
    records=[
        record(
            id="1",
            name="A",
            ad_account_id="OTHER",
            description="x",
            rule={"engager_type": 1},
            audience_type="ENGAGEMENT",
        ),
        record(name="A", operation_type="REMOVE"),
    ],
    modes={"on_ambiguous": "reject", "write_mode": "upsert", "override_ad_account": True},
)
@example(
    records=[
        record(
            name="A",
            audience_type="ACTALIKE",
            rule={"seed_name": "B", "country": "US", "percentage": 1},
        ),
        record(name="A", operation_type="REMOVE"),
    ],
    modes={"on_ambiguous": "newest", "write_mode": "upsert", "override_ad_account": False},
)
def test_second_run_over_any_input_writes_nothing(
    emulator: Emulator, programs: Programs, records: list[dict[str, Any]], modes: dict[str, Any]
) -> None:
    world = World(emulator, programs)
    before = world.audiences
    world.run(records, **modes)
    after = world.audiences
    removals = sum("operation_type" in line["record"] for line in records)
    assert len(before.keys() - after.keys()) <= removals
    world.run(records, **modes)
    assert world.writes == []
    assert world.audiences == after
