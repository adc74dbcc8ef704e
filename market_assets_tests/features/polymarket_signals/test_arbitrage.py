"""Buying all outcomes for less than they pay."""

from __future__ import annotations

from datetime import timedelta

import polars as pl
import pytest

from market_assets.features.polymarket_signals.arbitrage import (
    complement_arbitrages,
    negative_risk_arbitrages,
)

from .rows import MINUTE, NOW, SECOND, Row, book, last_score, market, markets, series

NOW_, AGO = timedelta(0), 10 * SECOND


def _complement(yes: Row, no: Row, **columns: object) -> float | None:
    books = series(now=[yes, no])
    return last_score(complement_arbitrages(books, markets(market(**columns)), as_of=NOW))


def _yes(ask: float | None, **columns: object) -> Row:
    return book(0.01, ask, AGO, token_id="a-yes", **columns)  # type: ignore[arg-type]


def _no(ask: float | None, **columns: object) -> Row:
    return book(0.01, ask, token_id="a-no", **columns)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("yes", "no", "left"), [(0.45, 0.5, 5.0), (0.5, 0.495, 0.5), (0.5, 0.5, 0.0), (0.6, 0.5, -10.0)]
)
def test_what_both_outcomes_leave_of_a_dollar(yes: float, no: float, left: float) -> None:
    assert _complement(_yes(yes), _no(no)) == left


def test_the_takers_fees_of_both_are_paid() -> None:
    fees = 0.07 * (0.4 * 0.6 + 0.55 * 0.45)
    score = _complement(_yes(0.4), _no(0.55), taker_fee_rate=0.07)
    assert score == pytest.approx(100 * (0.05 - fees))
    assert _complement(_yes(0.4), _no(0.55), taker_fee_rate=0.0) == 5.0


def test_it_is_of_the_instant_of_the_later_book_and_of_the_market() -> None:
    points = complement_arbitrages(series(now=[_yes(0.4), _no(0.5)]), markets(market()), as_of=NOW)
    row = points.row(0, named=True)
    assert (row["at"], row["token_id"], row["condition_id"]) == (NOW, None, "0xa")
    assert (row["asks_usd"], row["fees_usd"], row["outcomes"]) == (0.9, 0.0, 2)


@pytest.mark.parametrize("ask", [None, 1.0])
def test_where_nobody_sells_one_outcome_nothing_is_left(ask: float | None) -> None:
    score = _complement(_yes(0.4), _no(ask))
    assert score is not None
    assert score < 0


def test_a_book_that_is_not_the_venues_says_nothing() -> None:
    assert _complement(_yes(0.4), _no(0.5, is_proven=False)) is None
    assert _complement(_yes(0.4, is_proven=False), _no(0.5)) is None
    assert _complement(_yes(0.4, is_proven=None), _no(0.5)) == 10.0


def test_an_older_proven_top_does_not_stand_in_for_a_book_that_is_not() -> None:
    books = series(
        book(0.1, 0.4, MINUTE, token_id="a-yes"),
        book(0.1, 0.5, MINUTE, token_id="a-no"),
        now=[_yes(0.4, is_proven=False), _no(0.5)],
    )
    points = complement_arbitrages(books, markets(market()), as_of=NOW)
    assert last_score(points) is None


def test_a_stale_book_says_nothing() -> None:
    old = book(0.01, 0.4, 6 * MINUTE, token_id="a-yes")
    assert _complement(old, _no(0.5)) is None


def test_one_book_is_not_two() -> None:
    points = complement_arbitrages(series(now=[_yes(0.4)]), markets(market()), as_of=NOW)
    assert last_score(points) is None


def test_closed_markets_and_those_of_three_outcomes_are_left_out() -> None:
    assert _complement(_yes(0.4), _no(0.5), closed=True) is None
    assert _complement(_yes(0.4), _no(0.5), token_ids=["a-yes", "a-no", "a-maybe"]) is None


def _group(*asks: float | None, changed: dict[int, Row] | None = None) -> pl.DataFrame:
    names = "abcdefgh"[: len(asks)]
    rows = [market(n, **(changed or {}).get(i, {})) for i, n in enumerate(names)]
    books = [book(0.001, ask, token_id=f"{n}-yes") for n, ask in zip(names, asks, strict=True)]
    return negative_risk_arbitrages(series(now=books), markets(*rows), as_of=NOW)


def test_what_yes_of_all_outcomes_leaves_of_a_dollar() -> None:
    points = _group(0.3, 0.3, 0.35)
    row = points.row(0, named=True)
    assert row["score"] == 5.0
    assert (row["condition_id"], row["token_id"], row["event_id"]) == ("0xa", None, "7")
    assert (row["outcomes"], row["asks_usd"]) == (3, 0.95)
    assert last_score(_group(0.3, 0.3, 0.395)) == 0.5
    assert last_score(_group(0.3, 0.3, 0.45)) == -5.0


def test_every_outcomes_own_fee_is_paid() -> None:
    points = _group(0.3, 0.3, 0.3, changed={1: {"taker_fee_rate": 0.04}})
    assert last_score(points) == pytest.approx(10 - 100 * 0.04 * 0.21)


def test_every_open_outcome_needs_an_ask() -> None:
    without_ask = last_score(_group(0.3, 0.3, None))
    assert without_ask is not None
    assert without_ask < 0
    rows = markets(market("a"), market("b"), market("c"))
    two = series(now=[book(0.1, 0.3, token_id="a-yes"), book(0.1, 0.3, token_id="b-yes")])
    assert last_score(negative_risk_arbitrages(two, rows, as_of=NOW)) is None
    untraded = markets(market("a"), market("b"), market("c", token_ids=None))
    assert last_score(negative_risk_arbitrages(two, untraded, as_of=NOW)) is None


def test_an_outcome_that_has_lost_needs_none() -> None:
    lost = {"closed": True, "winning_outcome": "No"}
    points = _group(0.3, 0.4, 0.9, changed={2: lost})
    assert last_score(points) == 30.0
    assert points.row(0, named=True)["outcomes"] == 2


@pytest.mark.parametrize("winner", ["Yes", None])
def test_where_a_closed_outcome_may_pay_there_is_none(winner: str | None) -> None:
    closed = {"closed": True, "winning_outcome": winner}
    assert _group(0.3, 0.4, 0.9, changed={2: closed}).is_empty()


def test_one_that_the_venue_has_taken_back_is_none() -> None:
    assert last_score(_group(0.3, 0.4, None, changed={2: {"is_listed": False}})) == 30.0


def test_markets_that_do_not_exclude_each_other_are_no_group() -> None:
    assert _group(0.3, 0.4, changed={1: {"neg_risk": False}}).is_empty()
    assert _group(0.3, 0.4, changed={0: {"neg_risk": None}}).is_empty()
    assert _group(0.3, 0.4, changed={0: {"event_id": None}}).is_empty()
    assert _group(0.3).is_empty()


def test_the_grid_says_what_was_left_before() -> None:
    """Instants at which a book is missing say nothing."""
    history = [
        book(0.1, 0.6, 2 * MINUTE, token_id="a-yes"),
        book(0.1, 0.5, 2 * MINUTE, token_id="a-no"),
        book(0.1, 0.4, MINUTE, token_id="a-yes"),
    ]
    books = series(*history, now=[_yes(0.4), _no(0.5)])
    points = complement_arbitrages(books, markets(market()), as_of=NOW).sort("at")
    assert points["score"].to_list() == [-10.0, None, 10.0]
