"""Answers with one thing in them changed: rows, something rejected, or one `VenueError`."""

from __future__ import annotations

import copy
import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from market_assets.sources.errors import VenueError
from market_assets.sources.polymarket import frames
from market_assets.sources.polymarket.clob import ClobClient
from market_assets.sources.polymarket.data_api import DataClient
from market_assets.sources.polymarket.gamma import GammaClient
from market_assets.sources.retry import RetryPolicy
from market_assets_tests.sources.http_server import Reply

from .shapes import NO, YES, book, condition, event, market, resolved, trade
from .venue import NOW

if TYPE_CHECKING:
    from collections.abc import Callable

    from market_assets_tests.sources.http_server import Server

    from .venue import Connect

BAD = st.sampled_from(
    [None, "", "x", -1, 0, 1.7, 1e308, 10**30, True, [], {}, [None], {"a": 1}, "[]", "1970-01-01"]
)
"""What a value may turn into."""
MUTATED = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
ONCE = RetryPolicy(attempts=1)


@pytest.fixture
def gamma(connect: Connect) -> GammaClient:
    """One for all answers of a test."""
    return connect(GammaClient, retries=ONCE)


@pytest.fixture
def data(connect: Connect) -> DataClient:
    """One for all answers of a test."""
    return connect(DataClient, retries=ONCE)


@pytest.fixture
def clob(connect: Connect) -> ClobClient:
    """One for all answers of a test."""
    return connect(ClobClient, retries=ONCE)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The way to each value inside a JSON value, itself first."""
    found = [path]
    if isinstance(value, dict):
        children: Any = value.items()
    else:
        children = enumerate(value) if isinstance(value, list) else ()
    for key, child in children:
        found += places(child, (*path, key))
    return found


def changed(body: Any, path: tuple[Any, ...], value: Any) -> Any:
    """The body with another value at that place."""
    if not path:
        return value
    body = copy.deepcopy(body)
    holder = body
    for key in path[:-1]:
        holder = holder[key]
    holder[path[-1]] = value
    return body


def mutations(body: Any) -> st.SearchStrategy[bytes]:
    """The body with one value replaced, or with some of its bytes gone."""
    replaced = st.builds(
        lambda path, value: json.dumps(changed(body, path, value)).encode(),
        st.sampled_from(places(body)),
        BAD,
    )
    whole = json.dumps(body).encode()
    cut = st.builds(
        lambda at, length: whole[:at] + whole[at + length :],
        st.integers(0, len(whole)),
        st.integers(1, 40),
    )
    return replaced | cut


def survives(server: Server, body: bytes, ask: Callable[[], object]) -> None:
    """Ask once; anything but a result or a `VenueError` on one line fails the test."""
    server.replies.append(Reply(body=body))
    try:
        ask()
    except VenueError as error:
        message = str(error)
        server.replies.clear()
        assert "\n" not in message, message


PAGE = {"events": [event(1, market(1), resolved(2)), event(2)], "next_cursor": None}
TRADES = [trade(2), trade(1)]
INTEREST = [{"market": condition(1), "value": 5.5}]
BOOKS = [book(YES), book(NO)]


@MUTATED
@given(body=mutations(PAGE))
def test_a_page_of_events(server: Server, gamma: GammaClient, body: bytes) -> None:
    """What was read is fit for the tables, and its numbers are within bounds."""

    def ask() -> None:
        (page,) = gamma.event_pages()
        found = [one for event_ in page.events for one in event_.markets]
        frames.events(page.events, NOW)
        frames.markets(found, NOW)
        for one in found:
            prices = (*one.outcome_prices, one.best_bid, one.best_ask, one.last_trade_price)
            assert all(price is None or 0 <= price <= 1 for price in prices)
            assert one.volume_usd is None or one.volume_usd >= 0
            assert len(one.token_ids) in {0, len(one.outcomes)}

    survives(server, body, ask)


@MUTATED
@given(body=mutations(TRADES))
def test_a_page_of_trades(server: Server, data: DataClient, body: bytes) -> None:
    def ask() -> None:
        page = data.trades(limit=500)
        frames.trades([(str(n), one) for n, one in enumerate(page.trades)], NOW)
        assert all(0 < one.price <= 1 and one.size > 0 for one in page.trades)
        assert len(page.trades) <= page.rows <= 2

    survives(server, body, ask)


@MUTATED
@given(body=mutations(INTEREST))
def test_open_interest(server: Server, data: DataClient, body: bytes) -> None:
    def ask() -> None:
        found = data.open_interest([condition(1)])
        assert all(value >= 0 for value in found.values.values())

    survives(server, body, ask)


@MUTATED
@given(body=mutations(BOOKS))
def test_books(server: Server, clob: ClobClient, body: bytes) -> None:
    """A book that came through is in order and not crossed."""

    def ask() -> None:
        for found in clob.books([YES, NO]).books.values():
            assert list(found.bids) == sorted(found.bids, reverse=True)
            assert list(found.asks) == sorted(found.asks)
            if found.bids and found.asks:
                assert found.bids[0][0] < found.asks[0][0]

    survives(server, body, ask)
