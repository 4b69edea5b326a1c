"""Which request comes next: by weight, by rows, and the same for a seed."""

from __future__ import annotations

import pickle
from collections import Counter
from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.schedule.mix import Mix, Share


def first(mix: Mix, count: int) -> list[int]:
    return list(islice(mix.indexes(), count))


def test_one_request_is_sent_again_and_again() -> None:
    assert first(Mix((Share(),), seed=1), 5) == [0] * 5


def test_requests_come_by_weight() -> None:
    seen = Counter(first(Mix((Share(3), Share(1)), seed=1), 8000))
    assert seen[0] == pytest.approx(6000, rel=0.05)


def test_rows_in_their_order_begin_again_and_anywhere() -> None:
    assert first(Mix((Share(variants=3),), seed=1), 7) == [0, 1, 2, 0, 1, 2, 0]
    assert first(Mix((Share(variants=3),), seed=1, start=5), 5) == [2, 0, 1, 2, 0]


@given(variants=st.integers(2, 50), seed=st.integers(0, 2**40))
def test_shuffled_rows_come_once_each_before_any_comes_again(variants: int, seed: int) -> None:
    mix = Mix((Share(variants=variants, shuffled=True),), seed)
    passes = [first(mix, 2 * variants)[:variants], first(mix, 2 * variants)[variants:]]
    assert [sorted(each) for each in passes] == [list(range(variants))] * 2


def test_every_request_keeps_its_own_turn() -> None:
    mix = Mix((Share(1, variants=3), Share(2), Share(1, variants=2, shuffled=True)), seed=4)
    seen = first(mix, 400)
    assert [each for each in seen if each < 3][:4] == [0, 1, 2, 0]
    assert Counter(seen)[3] == pytest.approx(200, rel=0.2)
    assert abs(Counter(seen)[4] - Counter(seen)[5]) <= 1


def test_it_repeats_for_a_seed_only_and_travels() -> None:
    mix = Mix((Share(variants=40, shuffled=True),), seed=1)
    assert first(mix, 40) == first(pickle.loads(pickle.dumps(mix)), 40)
    assert first(mix, 40) != first(Mix(mix.shares, seed=2), 40)


def test_conversations_come_by_their_first_turns() -> None:
    talks = Share(variants=3, turns=(2, 1, 3))
    assert first(Mix((Share(), talks), seed=1), 1)[0] in {0, 1}
    assert first(Mix((talks,), seed=1), 4) == [0, 2, 3, 0]
    seen = Counter(first(Mix((talks, Share(variants=2)), seed=1), 600))
    assert seen.keys() == {0, 2, 3, 6, 7}
    shuffled = first(Mix((Share(variants=3, turns=(2, 1, 3), shuffled=True),), seed=1), 6)
    assert sorted(shuffled[:3]) == sorted(shuffled[3:]) == [0, 2, 3]
