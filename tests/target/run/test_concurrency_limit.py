"""How many requests may be on their way at a time."""

from __future__ import annotations

from itertools import chain

from hypothesis import given
from hypothesis import strategies as st

from target_pinterest_audiences.run.concurrency_limit import RECOVERS_AFTER, ConcurrencyLimit

LIMITED = False
_answers = st.lists(
    st.one_of(st.just([LIMITED]), st.integers(1, 2 * RECOVERS_AFTER).map(lambda n: [True] * n)),
    max_size=20,
).map(lambda runs: [*chain(*runs)])


def note(limit: ConcurrencyLimit, *, answer: bool) -> None:
    (limit.note_answered if answer else limit.note_limited)()


@given(st.integers(1, 64), _answers)
def test_limit_halves_at_once_and_grows_by_one_after_many_responses(
    most: int, answers: list[bool]
) -> None:
    limit = ConcurrencyLimit(most)
    assert limit.now == most
    in_a_row = 0
    for answer in answers:
        before = limit.now
        note(limit, answer=answer)
        in_a_row = in_a_row + 1 if answer else 0
        if not answer:
            assert limit.now == max(before // 2, 1)
        elif in_a_row and in_a_row % RECOVERS_AFTER == 0:
            assert limit.now == min(before + 1, most)
        else:
            assert limit.now == before
        assert 1 <= limit.now <= most


@given(st.integers(1, 64), _answers)
def test_limit_recovers_completely(most: int, answers: list[bool]) -> None:
    limit = ConcurrencyLimit(most)
    for answer in [*answers, LIMITED, *[True] * RECOVERS_AFTER * most]:
        note(limit, answer=answer)
    assert limit.now == most
