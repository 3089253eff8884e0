"""Scenarios for the sweep: small, but with every kind of request."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import people
from programs import record, schema, state

if TYPE_CHECKING:
    from collections.abc import Callable

    from pinterest_emulator.testing import Emulator

    Messages = list[dict[str, Any]]

ACCOUNT = "549755800001"
"""The first ad account of an empty emulator."""
OTHERS = ("549755800002", "549755800003")
"""The next ones."""
SHARING = "audience_sharing"
FIRST_AUDIENCE = 2_542_620_000_001
LIST = "4189001"
TAG = "2612511566392"
TOKEN = {"access_token": "pina_demo"}
REFRESHED = {
    "client_id": "demo-app",
    "client_secret": "demo-secret",
    "refresh_token": "pinr.demo",
}
_HOUR, _MONTH = 3600, 31 * 86_400


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """A run, the data at Pinterest before it, and changes by others during it.

    Attributes:
        name: Name in the matrix.
        program: `tap` or `target`.
        fill: Fills an empty emulator with the data.
        settings: Settings of the program, in addition to the common ones.
        credentials: Settings for authentication.
        streams: Streams that the tap reads.
        earlier: Input of the target's earlier run; the tap's earlier run equals this one.
        is_later: Whether there was an earlier run.
        then: Changes at Pinterest after the earlier run.
        messages: The input of the target.
        changes: Changes by others at Pinterest, just before the request `changes_at`.
        revokes: Whether a refresh token works only once.
        refuses: The name of a customer list. Pinterest refuses its changes during the first run.
    """

    name: str
    program: str
    fill: Callable[[Emulator], object]
    settings: dict[str, Any] = field(default_factory=dict)
    credentials: dict[str, Any] = field(default_factory=lambda: TOKEN)
    streams: tuple[str, ...] = ()
    is_later: bool = False
    earlier: Messages = field(default_factory=list)
    then: Callable[[Emulator], object] = lambda _: None
    messages: Messages = field(default_factory=list)
    changes: list[tuple[str, str, dict[str, Any]]] = field(default_factory=list)
    changes_at: int = 0
    revokes: bool = False
    refuses: str | None = None


def _change(number: int, description: str) -> tuple[str, str, dict[str, Any]]:
    """A change of the audience with that number, from 0, by another program."""
    path = f"v5/ad_accounts/{ACCOUNT}/audiences/{FIRST_AUDIENCE + number}"
    return "PATCH", path, {"description": description}


def _behind_and_ahead(pages: int, page_size: int) -> list[tuple[str, str, dict[str, Any]]]:
    """Changes an audience already read, and some minutes later one not yet read."""
    return [
        _change(0, "Changed behind the reader"),
        ("POST", "_emulator/clock", {"advance": 300}),
        _change(pages * page_size - 1, "Changed ahead of it"),
    ]


def _visitor(name: str, **fields: object) -> dict[str, Any]:
    rule = {"visitor_source_id": TAG}
    made: dict[str, Any] = {"name": name, "audience_type": "VISITOR", "rule": rule, **fields}
    return record(**made)


def _like(name: str, seed: str) -> dict[str, Any]:
    rule = {"seed_name": seed, "country": "US", "percentage": 5}
    return record(name=name, audience_type="ACTALIKE", rule=rule)


def _audiences() -> Messages:
    """Some of each kind, with a state after each round."""
    messages = [schema()]
    for number in range(3):
        old, gone = (f"Generated visitors {first + number}" for first in (1, 101))
        messages += [
            _visitor(f"New {number}", description="Made once"),
            record(name=old, description=f"Changed {number}"),
            _like(f"Like {number}", "Generated visitors 200"),
            record(name=gone, operation_type="REMOVE"),
            state(number),
        ]
    return messages


def _version(number: int, lists: dict[str, range]) -> Messages:
    """A version of a table with the members of several lists, one list after the other."""
    members = [
        one for name, those in lists.items() for one in people.people(those, audience_name=name)
    ]
    return [people.SCHEMA, *people.versioned(members, number), people.activate(number)]


def _sharing(operation: str | None, *recipients: str, **fields: object) -> dict[str, Any]:
    return record(
        SHARING, operation_type=operation, recipient_account_ids=list(recipients), **fields
    )


def _later_changes(emulator: Emulator) -> None:
    emulator.advance(_HOUR)
    for number in (1, 7, 13):
        method, path, body = _change(number, "Changed since")
        people.call(emulator, method, path.removeprefix("v5/"), body)
    emulator.advance(_HOUR)


_TAP: dict[str, Any] = {
    "program": "tap",
    "fill": lambda emulator: emulator.seed(ad_accounts=2, audiences=30, customer_lists=12),
    "streams": ("ad_accounts", "audiences", "customer_lists", "received_audiences"),
    "changes": _behind_and_ahead(3, 5),
}
_REFRESH: dict[str, Any] = {
    "program": "target",
    "fill": lambda emulator: emulator.seed(ad_accounts=1, audiences=5),
    "credentials": REFRESHED,
    "is_later": True,
    "earlier": [schema(), _visitor("Before"), state(0)],
    "then": lambda emulator: emulator.advance(_MONTH),
    "messages": [
        schema(),
        *(_visitor(f"New {number}") for number in range(2)),
        record(name="Generated visitors 2", description="Changed"),
        state(1),
        record(name="Generated visitors 3", operation_type="REMOVE"),
        state(2),
    ],
}
_MEMBERS = {"member_batch_size": 10}

SCENARIOS = (
    Scenario(
        name="tap, everything", settings={"page_size": 5, "concurrency": 1}, changes_at=4, **_TAP
    ),
    Scenario(
        name="tap, by update time",
        settings={"page_size": 5, "concurrency": 1, "compare_by_digest": False},
        changes_at=4,
        **_TAP,
    ),
    Scenario(
        name="tap, what changed",
        settings={"page_size": 5, "concurrency": 3},
        changes_at=5,
        is_later=True,
        then=_later_changes,
        **_TAP,
    ),
    Scenario(
        name="target, audiences",
        program="target",
        fill=lambda emulator: emulator.seed(ad_accounts=1, audiences=255),
        messages=_audiences(),
    ),
    Scenario(
        name="target, members",
        program="target",
        fill=lambda emulator: emulator.seed(ad_accounts=1, audiences=3, customer_lists=1),
        settings=_MEMBERS,
        messages=[
            people.SCHEMA,
            *people.people(range(25)),
            state(1),
            *people.people(range(15), audience_name=None, customer_list_id=LIST),
            *people.people(range(4), audience_name="Others"),
            state(2),
            *people.people(range(20, 24), operation="REMOVE"),
            state(3),
        ],
    ),
    Scenario(
        name="target, mirror",
        program="target",
        fill=lambda emulator: emulator.seed(ad_accounts=1),
        settings={"member_batch_size": 3, "member_mode": "mirror"},
        is_later=True,
        earlier=[*people.whole_version(range(40), 1), state(0)],
        messages=[*people.whole_version(range(8, 45), 2), state(1)],
    ),
    Scenario(
        name="target, refused",
        program="target",
        fill=lambda emulator: emulator.seed(ad_accounts=1),
        settings={"member_batch_size": 4, "member_mode": "mirror"},
        is_later=True,
        earlier=[
            *_version(1, {"First": range(20), "Refused": range(20), "Last": range(20, 40)}),
            state(0),
        ],
        refuses="Refused",
        messages=[
            *_version(2, {"First": range(3, 25), "Refused": range(3, 25), "Last": range(23, 45)}),
            state(1),
        ],
    ),
    Scenario(
        name="target, sharing",
        program="target",
        fill=lambda emulator: emulator.seed(ad_accounts=3, audiences=12),
        is_later=True,
        earlier=[
            schema(SHARING),
            *(
                _sharing("SHARE", *OTHERS, audience_id=str(FIRST_AUDIENCE + number))
                for number in range(2)
            ),
            state(0),
        ],
        messages=[
            schema(SHARING),
            _sharing("SHARE", *OTHERS, audience_name="Generated visitors 3"),
            state(1),
            _sharing("REVOKE", OTHERS[0], audience_id=str(FIRST_AUDIENCE)),
            _sharing("SHARE", OTHERS[1], audience_id=str(FIRST_AUDIENCE + 3)),
            state(2),
            _sharing(
                None,
                *OTHERS,
                audience_id=str(FIRST_AUDIENCE + 1),
                _sdc_deleted_at="2026-07-01T00:00:00Z",
            ),
            state(3),
        ],
    ),
    Scenario(name="refresh", **_REFRESH),
    Scenario(name="refresh, once only", revokes=True, **_REFRESH),
)
