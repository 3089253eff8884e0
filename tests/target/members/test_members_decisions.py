"""Pure decisions about members, for many inputs."""

from __future__ import annotations

import contextlib
import itertools
import re
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from people import NAME, digest, email

from target_pinterest_audiences.changes import Reject
from target_pinterest_audiences.ledger.dry_ledger import DryLedger
from target_pinterest_audiences.ledger.ledger import Ledger
from target_pinterest_audiences.ledger.member_ledger import NotedList
from target_pinterest_audiences.members import mirror
from target_pinterest_audiences.members.identifiers import LIST_TYPES, to_key
from target_pinterest_audiences.members.records import DIGEST, ListRef, MemberReader, batches
from target_pinterest_audiences.members.sent_members import SentMembers

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LIST = "2680068678965"
REF = ListRef("549755885175", None, NAME)
UUID = "6d92078a-8246-4ba4-ae5b-76104861e7dc"

odd_values: st.SearchStrategy[Any] = st.sampled_from(
    [None, "", " ", True, False, 0, 1, 1.0, Decimal(1), 12, "1", "12", [], ["1"], {}, "nobody"]
)
emails = st.integers(0, 5).map(email)
identifiers: dict[str, st.SearchStrategy[Any]] = {
    "email": emails | odd_values,
    "maid": st.just(UUID) | odd_values,
    "lr_id": st.sampled_from(["Xy1Tz", "a,b"]) | odd_values,
}
columns: dict[str, st.SearchStrategy[Any]] = {
    **identifiers,
    "audience_name": st.sampled_from([NAME, "Other", "\ud800"]) | odd_values,
    "customer_list_id": odd_values,
    "ad_account_id": odd_values,
    "operation": st.sampled_from(["ADD", "REMOVE", "remove"]) | odd_values,
    "_sdc_deleted_at": st.sampled_from([None, "2026-01-01"]) | odd_values,
    DIGEST: st.sampled_from([None, "ab"]),
    "other": odd_values,
}
any_record = st.fixed_dictionaries({}, optional=columns)


@st.composite
def alike(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Records as in a table, with different identifiers."""
    shared = draw(st.fixed_dictionaries({"audience_name": columns["audience_name"]}))
    shared |= draw(any_record)
    column = draw(st.sampled_from(sorted(identifiers)))
    shared = {key: value for key, value in shared.items() if key not in {*identifiers, DIGEST}}
    return [{**shared, column: draw(identifiers[column])} for _ in range(draw(st.integers(1, 8)))]


@given(records=st.lists(any_record, min_size=1, max_size=8) | alike(), override=st.booleans())
@example(
    records=[{"customer_list_id": 1, "email": "a@b.c"}, {"customer_list_id": True, "email": "d@b"}],
    override=False,
)
@example(records=[{"audience_name": NAME, "email": None}], override=False)
def test_many_records_are_read_like_single_records(
    records: list[dict[str, Any]],
    *,
    override: bool,
) -> None:
    chunk = MemberReader("549755885175", override=override).read_all(records)
    people: dict[Any, dict[str, bool]] = {}
    rejected = []
    for position, record in enumerate(records):
        read = MemberReader("549755885175", override=override).read(record)
        if isinstance(read, Reject):
            rejected.append((position, record, read))
        else:
            people.setdefault((read.ref, read.list_type), {})[read.text] = read.add
    assert (chunk.people, chunk.rejected) == (people, rejected)
    turns: dict[Any, dict[str, bool]] = {}
    for key, turn in MemberReader("549755885175", override=override).read_in_turns(records):
        turns.setdefault(key, {}).update(turn)
    assert turns == people


@given(any_record)
def test_reason_contains_nothing_of_the_record(record: dict[str, Any]) -> None:
    secrets = ["secret.person@shop.example", "SECRET-DEVICE"]
    record = {**record, "email": secrets[0] + "@", "maid": secrets[1]}
    for values in ({}, {"maid": None}, {"email": None}, dict.fromkeys(record, secrets[0])):
        read = MemberReader(None).read({**record, **values})
        said = repr(read).lower()
        assert isinstance(read, Reject)
        assert not any(secret.lower() in said for secret in secrets)


@pytest.mark.parametrize(
    ("record", "code"),
    [
        ({"email": "a@b.example"}, "no_list"),
        ({"audience_name": "A"}, "no_identifier"),
        ({"audience_name": "A", "email": "a@b.example", "maid": UUID}, "several_identifiers"),
        ({"audience_name": "A", "email": "a@b.example", "operation": "insert"}, "bad_operation"),
        ({"audience_name": "A", "email": "", "operation": "ADD"}, "missing"),
        ({"audience_name": 5, "email": "a@b.example"}, "not_text"),
        ({"customer_list_id": "x", "email": "a@b.example"}, "bad_id"),
        ({"audience_name": "A", "email": "a@b.example", DIGEST: "ab"}, "no_identifier"),
    ],
)
def test_unreadable_record_has_its_own_code(record: dict[str, Any], code: str) -> None:
    read = MemberReader("1").read(record)
    assert isinstance(read, Reject)
    assert read.code == code
    assert MemberReader("1").read_all([record]).rejected == [(0, record, read)]


def test_record_without_ad_account_is_rejected() -> None:
    read = MemberReader(None).read({"audience_name": "A", "email": "a@b.example"})
    assert isinstance(read, Reject)
    assert read.code == "no_ad_account"


@given(
    st.lists(st.text("aä€", min_size=1, max_size=9), max_size=40),
    st.integers(1, 7),
    st.integers(1, 60),
)
def test_batches_keep_the_order_and_are_as_large_as_allowed(
    texts: list[str], most: int, most_bytes: int
) -> None:
    cut = [list(batch) for batch in batches(texts, most, most_bytes)]
    assert list(itertools.chain(*cut)) == texts
    for batch, following in itertools.pairwise([*cut, []]):
        assert batch
        assert len(batch) <= most
        assert len(batch) == 1 or len(",".join(batch).encode()) <= most_bytes
        if following:
            more = ",".join([*batch, following[0]]).encode()
            assert len(batch) == most or len(more) > most_bytes


removals = st.tuples(st.integers(0, 3000), st.integers(0, 3000)).map(
    lambda counts: mirror.Removal("list", max(counts), min(counts))
)


@given(st.lists(removals, max_size=4), st.integers(0, 100).map(lambda part: part / 100))
@example([mirror.Removal("list", 100, 29)], 0.28)
@example([mirror.Removal("list", 100, 29)], 0.29)
@example([mirror.Removal("list", 0, 2)], 0.5)
@example([mirror.Removal("list", 3, 1)], 0.2)
@example([mirror.Removal("list", 3, 1)], 0.0)
@example([mirror.Removal("list", 10, 1, 2)], 0.2)
@example([mirror.Removal("one", 100, 30), mirror.Removal("other", 100, 90)], 0.2)
def test_objection_above_the_ratio_names_a_ratio_that_allows_it(
    found: list[mirror.Removal], ratio: float
) -> None:
    said = mirror.objection(found, ratio)
    too_many = any(
        removal.total > bool(ratio) and removal.total * 100 > removal.known * round(ratio * 100)
        for removal in found
    )
    assert (said is not None) == too_many
    if said:
        (named,) = re.findall(r"set max_removal_ratio to ([\d.]+) or more", said)
        assert ratio < float(named) <= 1
        assert mirror.objection(found, float(named)) is None
        assert any(f"{removal.total} of {removal.known} members" in said for removal in found)


def test_mirror_without_removals_has_no_objection() -> None:
    assert mirror.objection([], 0) is None
    assert mirror.objection([mirror.Removal("list", 0, 0)], 0) is None
    assert mirror.empty_version("table", 0) is None
    table = mirror.TableVersion("table", records=3, unread=1, early=True)
    by_record = [mirror.Removal("list", 10, 0, 2)]
    assert mirror.why_absent_stay(table, by_record, "it is partial", ["list"]) is None


def key(number: int) -> bytes:
    return to_key("EMAIL", digest(email(number)))


some = st.frozensets(st.integers(0, 6).map(key))
steps = st.lists(
    st.tuples(st.sampled_from(["unsent", "seen", "add", "remove"]), some, st.integers(1, 3)),
    max_size=12,
)


@pytest.fixture(scope="module")
def ledgers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Ledger, Path]]:
    folder = tmp_path_factory.mktemp("ledgers")
    with contextlib.closing(Ledger(f"sqlite:///{folder}/ledger.db")) as ledger:
        yield ledger, folder


_numbers = itertools.count()


@settings(max_examples=25)
@given(before=steps, during=steps)
def test_dry_run_ledger_behaves_like_the_ledger_without_changing_it(
    ledgers: tuple[Ledger, Path], before: list[Any], during: list[Any]
) -> None:
    ledger, _ = ledgers
    wet, below = (f"{next(_numbers)}" for _ in range(2))
    for list_id in (wet, below):
        for name, keys, version in before:
            act(ledger, name, list_id, keys, version)
    dry = DryLedger(ledger)
    facts = known(ledger, below)
    for name, keys, version in during:
        assert act(dry, name, below, keys, version) == act(ledger, name, wet, keys, version)
        assert known(dry, below) == known(ledger, wet)
    assert known(ledger, below) == facts


def act(ledger: Ledger | DryLedger, name: str, list_id: str, keys: Any, version: int) -> object:
    match name:
        case "unsent":
            return ledger.unsent(list_id, keys)
        case "seen":
            return ledger.seen(list_id, keys, version)
        case "add":
            ledger.add(list_id, keys, version)
        case "remove":
            ledger.remove(list_id, keys)
    return None


def known(ledger: Ledger | DryLedger, list_id: str) -> list[Any]:
    return [
        ledger.count(list_id),
        *(ledger.count_stale(list_id, version) for version in range(4)),
        *(sorted(itertools.chain(*ledger.stale(list_id, v, 2))) for v in range(4)),
    ]


@settings(max_examples=25)
@given(
    st.lists(
        st.tuples(st.booleans(), st.integers(0, 2), st.sampled_from(["done", "lost", "unsent"])),
        max_size=12,
    )
)
@example([(True, 0, "done"), (False, 0, "lost"), (True, 0, "done"), (False, 0, "done")])
def test_next_run_sends_all_members_that_pinterest_may_lack(
    ledgers: tuple[Ledger, Path], history: list[tuple[bool, int, str]]
) -> None:
    """Each step is a run that adds or removes one member and may die around the request."""
    ledger, _ = ledgers
    list_id = f"{next(_numbers)}"
    at_pinterest: set[str] = set()
    for add, number, end in [*history, *[(bool(n % 2), n, "done") for n in range(3)]]:
        sent = SentMembers(ledger, REF, list_id, "EMAIL")
        text = digest(email(number))
        todo = sent.unsent([text], None) if add else sent.not_taken_out([text])
        if todo:
            if add:
                sent.expect_added(todo, None)
            else:
                sent.expect_removed(todo)
            if end != "unsent":
                (at_pinterest.add if add else at_pinterest.discard)(text)
            if end == "done" and add:
                sent.note_added(todo, None)
            elif end == "done":
                sent.note_removed(todo, by_record=True)
        if end == "done" or not todo:
            assert (text in at_pinterest) == add
            assert not (sent.unsent([text], None) if add else sent.not_taken_out([text]))


def test_every_type_of_identifier_has_a_column() -> None:
    for column, list_type in LIST_TYPES.items():
        value = {"email": "a@b.example", "maid": UUID, "idfa": UUID}.get(column, "Xy1Tz")
        read = MemberReader("1").read({"audience_name": "A", column: value})
        assert not isinstance(read, Reject)
        assert read.list_type == list_type
        assert NotedList(LIST, "1", "A", list_type, None).list_type == list_type
