"""Whose books are asked for, how coarse, for how long; and what a failure costs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from market_assets.clock import ManualClock, SystemClock, to_ms
from market_assets.ingestion.hyperliquid.books import Books, Turn, fetch_books, whose_turn
from market_assets.sources.hyperliquid.client import HyperliquidClient
from market_assets.sources.retry import RetryPolicy
from market_assets_tests.sources.http_server import Reply, Server, serving

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
ONCE = RetryPolicy(attempts=1, first_delay=0, longest_delay=0, busy_delay=0)
RANKED = [f"A{n}" for n in range(10)]


def seen(**minutes_ago: int) -> dict[str, datetime]:
    return {symbol: NOW - timedelta(minutes=ago) for symbol, ago in minutes_ago.items()}


def test_the_most_traded_come_always_and_of_the_others_those_never_seen() -> None:
    assert whose_turn(RANKED, {}, Turn(always=2, in_turn=3)) == ["A0", "A1", "A2", "A3", "A4"]


def test_of_those_that_were_seen_the_one_that_waits_longest_comes_first() -> None:
    profiled = seen(A0=99, A2=10, A3=30, A4=20, A5=5, A6=6, A7=7, A8=8, A9=9)
    turn = whose_turn(RANKED, profiled, Turn(always=2, in_turn=3))
    assert turn == ["A0", "A1", "A3", "A4", "A2"]


def test_books_that_cannot_be_had_do_not_take_every_turn() -> None:
    """A2 to A6 were never seen, and never will be: the others still come round."""
    profiled = seen(A7=30, A8=20, A9=10)
    turn = whose_turn(RANKED, profiled, Turn(always=2, in_turn=4))
    assert turn == ["A0", "A1", "A2", "A3", "A7", "A8"]


@given(
    count=st.integers(0, 40),
    always=st.integers(0, 10),
    in_turn=st.integers(1, 10),
    known=st.sets(st.integers(0, 39)),
)
def test_every_asset_gets_its_turn(count: int, always: int, in_turn: int, known: set[int]) -> None:
    """Within twice as many runs as the rest needs turns, and nobody twice in a run."""
    ranked = [f"A{n}" for n in range(count)]
    profiled = {f"A{n}": NOW for n in known}
    asked: set[str] = set()
    rounds = -(-max(0, count - always) // in_turn)
    for nth in range(2 * rounds + 1):
        turn = whose_turn(ranked, profiled, Turn(always=always, in_turn=in_turn))
        assert len(turn) == len(set(turn)) <= always + in_turn
        asked |= set(turn)
        profiled |= dict.fromkeys(turn, NOW + timedelta(minutes=nth + 1))
    assert asked == set(ranked)


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as running:
        yield running


def ladder(coin: str, *reach_bps: float) -> dict[str, Any]:
    """A book around 100 with a level at each distance."""
    return {
        "coin": coin,
        "time": to_ms(NOW),
        "levels": [
            [{"px": str(100 * (1 + sign * bps / 1e4)), "sz": "1", "n": 1} for bps in reach_bps]
            for sign in (-1, 1)
        ],
    }


def fetched(
    server: Server,
    answer: Callable[[dict[str, Any]], Reply],
    symbols: list[str],
    *,
    within: timedelta = timedelta(seconds=30),
) -> Books:
    server.default = answer
    client = HyperliquidClient(server.url, timeout=2.0, retries=ONCE)
    try:
        return fetch_books(client, symbols, within=within, clock=SystemClock())
    finally:
        client.close()


def test_coarser_books_are_asked_for_until_both_sides_reach(server: Server) -> None:
    """THIN reaches at once, MIDDLE with four figures, DEEP with three at last."""
    reach = {
        ("THIN", None): (1, 60),
        ("MIDDLE", None): (1, 20),
        ("MIDDLE", 4): (5, 55),
        ("DEEP", None): (1, 2),
        ("DEEP", 4): (1, 20),
        ("DEEP", 3): (10, 200),
    }
    books = fetched(
        server,
        lambda r: Reply(body=ladder(r["coin"], *reach[r["coin"], r.get("nSigFigs")])),
        ["DEEP", "MIDDLE", "THIN"],
    )
    assert [book.coin for book in books.fine] == ["DEEP", "MIDDLE", "THIN"]
    assert [sorted(book.coin for book in coarse) for coarse in books.coarse] == [
        ["DEEP", "MIDDLE"],
        ["DEEP"],
    ]
    assert len(server.requests) == 6


@pytest.mark.parametrize("levels", [[[], []], [[{"px": "2", "sz": "1", "n": 1}], []]])
def test_an_empty_book_is_not_asked_for_again(server: Server, levels: list[Any]) -> None:
    books = fetched(server, lambda r: Reply(body=ladder(r["coin"]) | {"levels": levels}), ["EMPTY"])
    assert len(books.fine) == 1
    assert len(server.requests) == 1


def test_a_crossed_book_is_taken_as_it_is(server: Server) -> None:
    levels = [[{"px": "101", "sz": "1", "n": 1}], [{"px": "100", "sz": "1", "n": 1}]]
    books = fetched(server, lambda _: Reply(body=ladder("X") | {"levels": levels}), ["X"])
    assert len(books.fine) == 1
    assert len(server.requests) == 1


def test_a_symbol_that_fails_costs_itself_and_a_coarse_book_only_its_bands(
    server: Server,
) -> None:
    def answer(request: dict[str, Any]) -> Reply:
        if request["coin"] == "BAD":
            return Reply(200, None)
        if "nSigFigs" in request:
            return Reply(500, None)
        return Reply(body=ladder(request["coin"], 1, 2))

    books = fetched(server, answer, ["A", "BAD", "B"])
    assert [book.coin for book in books.fine] == ["A", "B"]
    assert books.coarse == ((), ())
    assert set(books.failed) == {"BAD"}


def test_an_exchange_that_is_away_is_not_asked_for_every_book(server: Server) -> None:
    symbols = [f"A{n}" for n in range(60)]
    books = fetched(server, lambda _: Reply(502, b"<html></html>"), symbols)
    assert books.fine == ()
    assert 8 <= len(books.failed) <= 12
    assert len(books.failed) + len(books.not_asked) == 60


def test_no_coarse_book_is_begun_when_the_time_is_over(server: Server) -> None:
    """Each may wait a minute for its weight, and there may be four of them for each asset."""
    clock = ManualClock(NOW)

    def answer(request: dict[str, Any]) -> Reply:
        clock.advance(20)
        return Reply(body=ladder(request["coin"], 1, 2))

    server.default = answer
    client = HyperliquidClient(server.url, timeout=2.0, retries=ONCE)
    books = fetch_books(client, ["A"], within=timedelta(seconds=30), clock=clock)
    client.close()
    assert len(server.requests) == 2
    assert [len(coarse) for coarse in books.coarse] == [1, 0]


def test_who_was_not_asked_when_the_time_was_over_is_named(server: Server) -> None:
    books = fetched(
        server, lambda r: Reply(body=ladder(r["coin"], 60)), ["A", "B"], within=timedelta(0)
    )
    assert books.not_asked == ("A", "B")
    assert server.requests == []
