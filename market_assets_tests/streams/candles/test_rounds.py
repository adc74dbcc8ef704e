"""Reading again: everybody in turn, the most traded each hour, within a share of the weight."""

from __future__ import annotations

import itertools
from collections import defaultdict
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from market_assets.streams.candles.asking import weight_of
from market_assets.streams.candles.rounds import HOUR_S, Rounds, Turn

WEIGHT = 11_520.0
DAY = timedelta(hours=24)


def play(
    rounds: Rounds, hours: float, step_s: float, bad: frozenset[str] = frozenset()
) -> list[tuple[float, Turn]]:
    """Everything that is due in so many hours, as (when, turn); `bad` symbols cannot be read."""
    turns = []
    elapsed = 0.0
    while elapsed < hours * HOUR_S:
        while turn := rounds.take_due(elapsed):
            turns.append((elapsed, turn))
            if turn.symbol not in bad:
                rounds.succeeded(turn.symbol, elapsed)
        elapsed += step_s
    return turns


def names(count: int) -> list[str]:
    return [f"S{n:05}" for n in range(count)]


@settings(deadline=None, max_examples=15)
@given(count=st.integers(1, 8000), weight=st.sampled_from([500.0, 2000.0, WEIGHT, 57_600.0]))
def test_any_universe_costs_no_more_than_its_share(count: int, weight: float) -> None:
    rounds = Rounds(weight, DAY)
    rounds.keep(names(count), 0.0)
    spent: dict[int, int] = defaultdict(int)
    for at, turn in play(rounds, 3, 20.0):
        spent[int(at // HOUR_S)] += weight_of(round(turn.seconds / 60))
    most = weight * (1 + 60 / HOUR_S) + weight_of(24 * 60)
    assert all(cost <= most for cost in spent.values()), spent


@pytest.mark.parametrize("count", [1, 50, 490])
def test_where_the_weight_is_enough_everybody_has_a_turn_each_hour(count: int) -> None:
    rounds = Rounds(WEIGHT, DAY)
    rounds.keep(names(count), 0.0)
    turns = play(rounds, 3.1, 5.0)
    for symbol in names(count):
        own = [turn for _, turn in turns if turn.symbol == symbol]
        assert len(own) >= 2
        assert all(turn.seconds <= 1.25 * HOUR_S for turn in own)


@pytest.mark.parametrize("count", [800, 1600])
def test_beyond_that_the_most_traded_keep_their_hour_and_nobody_s_minute_is_left_out(
    count: int,
) -> None:
    """A turn reads all of the time since the last one."""
    rounds = Rounds(WEIGHT, DAY)
    rounds.keep(names(count), 0.0)
    turns = play(rounds, 24, 15.0)
    by_symbol: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for at, turn in turns:
        by_symbol[turn.symbol].append((at - turn.seconds, at))
    for symbol in names(count)[:200]:
        assert len(by_symbol[symbol]) >= 20, symbol
    for symbol in names(count):
        read = by_symbol[symbol]
        assert read, symbol
        for (_, end), (start, _) in itertools.pairwise(read):
            assert start <= end + 1e-6, symbol


def test_a_symbol_that_cannot_be_read_keeps_nobody_waiting_and_is_read_further_back() -> None:
    rounds = Rounds(WEIGHT, DAY)
    rounds.keep(["A", "B"], 0.0)
    turns = play(rounds, 4.1, 5.0, frozenset("A"))
    hours = [round(turn.seconds / HOUR_S) for _, turn in turns if turn.symbol == "A"]
    assert hours == [1, 2, 3, 4]
    assert len([turn for _, turn in turns if turn.symbol == "B"]) == 4


def test_rounds_go_on_with_those_that_stay() -> None:
    rounds = Rounds(WEIGHT, DAY)
    rounds.keep(["A", "B"], 0.0)
    assert rounds.take_due(1.0) is None
    assert rounds.take_due(HOUR_S / 2) == Turn("A", HOUR_S)
    rounds.keep(["B"], HOUR_S)
    assert rounds.take_due(HOUR_S) == Turn("B", HOUR_S)
    assert rounds.take_due(HOUR_S + 60) is None
    rounds.succeeded("A", HOUR_S)
    rounds.keep(["B", "A"], HOUR_S + 60)
    assert rounds.take_due(HOUR_S + 120) is None


def test_without_weight_nothing_is_read_again() -> None:
    rounds = Rounds(0.0, DAY)
    rounds.keep(["A"], 0.0)
    assert rounds.take_due(1e9) is None
