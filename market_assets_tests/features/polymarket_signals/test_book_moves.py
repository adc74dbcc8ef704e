"""Spreads, imbalance and jumps of single books."""

from __future__ import annotations

import polars as pl
import pytest

from market_assets.features.polymarket_signals.book_moves import (
    book_imbalances,
    price_jumps,
    spread_blowouts,
)
from market_assets.features.polymarket_signals.books import book_series, newest

from .rows import DAY, HOUR, MINUTE, NOW, SECOND, Row, book, heads, last_score, series, tops


def _blowout(history: list[Row], now: Row) -> float | None:
    seen = tops(*history)
    points = spread_blowouts(series(*history[:120], now=[now]), seen, as_of=NOW)
    return last_score(points)


def test_a_spread_is_held_against_the_median_of_a_day() -> None:
    history = [book(0.49, 0.51, MINUTE * i) for i in range(1, 60)]
    assert _blowout(history, book(0.45, 0.55)) == 5.0
    assert _blowout(history, book(0.45, 0.549)) == pytest.approx(4.95)


def test_a_median_is_not_moved_by_one_wild_top() -> None:
    history = [book(0.49, 0.51, MINUTE * i) for i in range(1, 60)]
    assert _blowout([*history, book(0.01, 0.99, HOUR)], book(0.4, 0.6)) == 10.0


def test_what_is_older_than_a_day_does_not_count() -> None:
    old = [book(0.01, 0.99, DAY + MINUTE * i) for i in range(50)]
    assert _blowout([book(0.49, 0.51, MINUTE), *old], book(0.45, 0.55)) == 5.0


@pytest.mark.parametrize("now", [(None, 0.5), (0.5, None), (None, None)])
def test_a_book_without_a_side_has_no_spread(now: tuple[float | None, float | None]) -> None:
    history = [book(0.49, 0.51, MINUTE * i) for i in range(1, 60)]
    assert _blowout(history, book(*now)) is None


def test_without_history_there_is_nothing_usual() -> None:
    assert _blowout([], book(0.2, 0.8)) is None
    assert _blowout([book(0.5, 0.5, MINUTE)], book(0.2, 0.8)) is None


@pytest.mark.parametrize(
    ("depths", "score", "side"),
    [
        ((900.0, 100.0), 0.8, "bid"),
        ((100.0, 900.0), 0.8, "ask"),
        ((899.0, 101.0), 0.798, "bid"),
        ((0.0, 5.0), 1.0, "ask"),
        ((50.0, 50.0), 0.0, "ask"),
    ],
)
def test_imbalance(depths: tuple[float, float], score: float, side: str) -> None:
    points = book_imbalances(series(now=[book(0.4, 0.6, depths=depths)]), as_of=NOW)
    assert last_score(points) == pytest.approx(score)
    assert points["heavy_side"].item() == side


def test_an_empty_book_leans_to_no_side() -> None:
    points = book_imbalances(series(now=[book(None, None, depths=(0.0, 0.0))]), as_of=NOW)
    assert last_score(points) is None


def test_a_jump_is_the_change_within_five_minutes_in_cents() -> None:
    history = [book(0.29, 0.31, 5 * MINUTE), book(0.29, 0.31, 2 * MINUTE)]
    jumped = series(*history, now=[book(0.34, 0.36)])
    assert last_score(price_jumps(jumped, as_of=NOW)) == 5.0
    fell = series(*history, now=[book(0.19, 0.21)])
    assert last_score(price_jumps(fell, as_of=NOW)) == 10.0
    stayed = series(*history, now=[book(0.33, 0.36)])
    assert last_score(price_jumps(stayed, as_of=NOW)) == pytest.approx(4.5)


def test_a_change_over_more_than_five_minutes_is_no_jump() -> None:
    slow = series(book(0.29, 0.31, 5 * MINUTE + SECOND), now=[book(0.49, 0.51)])
    assert last_score(price_jumps(slow, as_of=NOW)) == 0.0


def test_a_book_without_a_mid_has_not_jumped() -> None:
    empty = series(book(0.29, 0.31, MINUTE), now=[book(None, 0.9)])
    assert last_score(price_jumps(empty, as_of=NOW)) is None
    filled = series(book(None, 0.9, MINUTE), now=[book(0.29, 0.31)])
    assert last_score(price_jumps(filled, as_of=NOW)) == 0.0


def test_books_that_are_not_proven_count_here() -> None:
    points = book_imbalances(
        series(now=[book(0.4, 0.6, depths=(900.0, 0.0), is_proven=False)]), as_of=NOW
    )
    assert last_score(points) == 1.0


def test_tokens_of_no_known_market_have_no_series() -> None:
    nobody = pl.DataFrame(schema={"token_id": pl.String, "condition_id": pl.String})
    assert book_series(heads(), tops(book(0.4, 0.6)), nobody, as_of=NOW).is_empty()


def test_a_quiet_book_is_as_fresh_as_its_last_top() -> None:
    """The head is of its last change; the grid says that it still stands."""
    quiet = series(book(0.4, 0.6, 30 * SECOND), now=[book(0.4, 0.6, HOUR / 2)])
    assert newest(quiet, NOW)["at"].to_list() == [NOW - 30 * SECOND]
    silent = series(book(0.4, 0.6, 20 * MINUTE), now=[book(0.4, 0.6, HOUR / 2)])
    assert newest(silent, NOW).is_empty()
