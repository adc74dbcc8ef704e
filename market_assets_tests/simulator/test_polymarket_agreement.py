"""All routes of the simulated Polymarket tell one story, and its books can be proved."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from market_assets_tests.simulator.market_venue import NOW_S, SIZE, Api, polymarket
from market_simulator.polymarket.synthetic.ids import Ids

Market = dict[str, Any]


@pytest.fixture(scope="module")
def api() -> Iterator[Api]:
    with polymarket() as running:
        yield running


def listed(value: str | list[str]) -> list[str]:
    return json.loads(value) if isinstance(value, str) else value


@pytest.fixture(scope="module")
def markets(api: Api) -> list[Market]:
    """Sound open markets with readable tokens, as Gamma has them."""
    known = {m["condition_id"]: m for m in api.venue.markets() if not m["broken"]}
    rows = api.walk("/markets/keyset", "markets")
    return [
        row | {"true": known[row["conditionId"]]} for row in rows if row["conditionId"] in known
    ]


@pytest.fixture(scope="module")
def books(api: Api, markets: list[Market]) -> dict[str, Any]:
    tokens = [token for m in markets for token in m["true"]["token_ids"]]
    found = [
        book
        for i in range(0, len(tokens), 500)
        for book in api.post("/books", [{"token_id": t} for t in tokens[i : i + 500]]).json()
    ]
    return {book["asset_id"]: book for book in found}


def test_books_have_the_venues_order_and_hash(books: dict[str, Any]) -> None:
    """Bids ascend, asks descend, never crossed; SHA-1 over the ten keys in their order."""
    assert len(books) > 100
    for book in books.values():
        bids, asks = ([Decimal(level["price"]) for level in book[s]] for s in ("bids", "asks"))
        assert bids == sorted(set(bids))
        assert asks == sorted(set(asks), reverse=True)
        assert not bids or not asks or bids[-1] < asks[-1]
        assert all(Decimal(level["size"]) > 0 for s in ("bids", "asks") for level in book[s])
        tick = Decimal(book["tick_size"])
        assert all(price % tick == 0 and 0 < price < 1 for price in (*bids, *asks))
        keys = "market asset_id timestamp hash bids asks min_order_size tick_size neg_risk"
        assert list(book) == [*keys.split(), "last_trade_price"]
        whole = json.dumps(book | {"hash": ""}, separators=(",", ":"))
        assert hashlib.sha1(whole.encode(), usedforsecurity=False).hexdigest() == book["hash"]


def test_the_two_books_of_a_market_are_mirrors(
    markets: list[Market], books: dict[str, Any]
) -> None:
    """A bid at p is an ask at 1 − p; the last price is one for both."""
    for market in markets:
        yes, no = (books.get(token) for token in market["true"]["token_ids"])
        assert (yes is None) == (no is None)
        if yes is None or no is None:
            continue
        for here, there in (("bids", "asks"), ("asks", "bids")):
            turned = [(1 - Decimal(x["price"]), x["size"]) for x in no[there]]
            assert [(Decimal(x["price"]), x["size"]) for x in yes[here]] == turned
        assert yes["last_trade_price"] == no["last_trade_price"]
        assert yes["timestamp"] == no["timestamp"]


def test_gamma_shows_the_top_of_the_book(markets: list[Market], books: dict[str, Any]) -> None:
    """Best prices, tick, last price, and the midpoint as the price of the first outcome."""
    both = 0
    for market in markets:
        book = books.get(market["true"]["token_ids"][0])
        if book is None:
            continue
        if book["bids"]:
            assert market["bestBid"] == float(book["bids"][-1]["price"])
        if book["asks"]:
            assert market["bestAsk"] == float(book["asks"][-1]["price"])
        assert market["orderPriceMinTickSize"] == float(book["tick_size"])
        if book["last_trade_price"]:
            assert market["lastTradePrice"] == float(book["last_trade_price"])
        first, second = (Decimal(price) for price in listed(market["outcomePrices"]))
        assert first + second == 1
        if book["bids"] and book["asks"] and 0 < first < 1:
            both += 1
            ends = (Decimal(book[side][-1]["price"]) for side in ("bids", "asks"))
            assert first == sum(ends) / 2
    assert both > 50


def test_prices_and_midpoints_are_of_the_books(api: Api, books: dict[str, Any]) -> None:
    """BUY is the best bid, SELL the best ask, an empty side 0 or 1; unknown tokens are absent."""
    empty = [t for t, b in books.items() if not (b["bids"] and b["asks"])]
    full = [t for t, b in books.items() if b["bids"] and b["asks"]][:20]
    assert empty
    asked = [{"token_id": t, "side": s} for t in (*full, *empty, "77") for s in ("BUY", "SELL")]
    prices = api.post("/prices", asked).json()
    assert prices.keys() == {*full, *empty}
    for token, found in prices.items():
        bids, asks = books[token]["bids"], books[token]["asks"]
        assert found["BUY"] == (bids[-1]["price"] if bids else "0")
        assert found["SELL"] == (asks[-1]["price"] if asks else "1")
    token = full[0]
    middle = (Decimal(prices[token]["BUY"]) + Decimal(prices[token]["SELL"])) / 2
    assert Decimal(api.clob("/midpoint", token_id=token).json()["mid"]) == middle
    assert api.post("/midpoints", [{"token_id": token}]).json().keys() == {token}
    assert api.clob("/book", token_id=token).json() == books[token]
    assert api.clob("/price", token_id=token, side="buy").json()["price"] == prices[token]["BUY"]


def test_where_there_is_no_book(api: Api, markets: list[Market], books: dict[str, Any]) -> None:
    """No orders, closed, or the positions of a v1 market: 404, and left out of a batch."""
    without = [m for m in markets if m["true"]["token_ids"][0] not in books]
    assert all(not m["enableOrderBook"] or young(m) for m in without)
    ended = api.gamma("/events/keyset", closed="true", end_date_min="2026-11-20T14:00:00Z").json()
    closed = [m for e in ended["events"] for m in e["markets"] if m.get("version") == "v1"]
    positions = [
        m["positionIds"] for m in markets if m.get("version") == "v1" and "positionIds" in m
    ]
    tokens = [listed(closed[0]["clobTokenIds"])[0], positions[0][0], "77"]
    for token in tokens:
        answer = api.clob("/book", token_id=token)
        assert answer.status_code == 404
        assert answer.json()["error"].startswith("No orderbook exists")
    assert api.post("/books", [{"token_id": token} for token in tokens]).json() == []


def young(market: Market) -> bool:
    return bool(market["true"]["opened_at_ms"] > (NOW_S - 60) * 1000)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/books", {"token_id": "1"}),
        ("/books", [1]),
        ("/books", [{"token_id": "1"}] * 501),
        ("/prices", [{"token_id": "1"}]),
    ],
)
def test_bodies_that_are_refused(api: Api, path: str, body: object) -> None:
    """400 with an error."""
    answer = api.post(path, body)
    assert answer.status_code == 400
    assert "error" in answer.json()


def test_open_interest_leaves_markets_out(api: Api, markets: list[Market]) -> None:
    """Never 0; the same number as the truth; a malformed id spoils the request."""
    names = [m["conditionId"] for m in markets]
    rows = api.data("/oi", market=",".join(names[:90])).json()
    true = {m["conditionId"]: m["true"]["open_interest"] for m in markets[:90]}
    found = {row["market"]: row["value"] for row in rows}
    assert found == {name: value for name, value in true.items() if value is not None}
    assert 0 < len(found) < 90
    assert api.data("/oi", market=f"{names[0]},x").status_code == 400
    assert api.data("/oi").status_code == 400


def test_volume_grows_by_what_is_traded() -> None:
    """Between two looks a market's volume grows by its fills, and the last of them is its price."""
    with polymarket() as api:
        before = {m["condition_id"]: m for m in api.venue.markets()}
        api.venue.jump(90)
        after = {m["condition_id"]: m for m in api.venue.markets(*before)}
        api.venue.jump(300)  # by then nothing is late any more
        grown: dict[str, float] = defaultdict(float)
        last: dict[str, float] = {}
        for row in reversed(api.venue.trades(NOW_S + 1, NOW_S + 90)):
            grown[row["conditionId"]] += row["size"]
            last[row["conditionId"]] = row["price"]
    assert len(grown) > 20
    for name, market in before.items():
        more = after[name]["volume"] - market["volume"]
        assert more == pytest.approx(grown[name], abs=1e-4), market["question"]
        if name in last:
            assert after[name]["last_trade_price"] == pytest.approx(last[name], abs=1e-5)


def test_a_days_volume_is_of_that_day() -> None:
    """Carried on by fills for days, and begun anew after a longer leap, it keeps its size."""
    with polymarket(replace(SIZE, trades_per_minute=30)) as api:
        days = []
        for seconds in (0, 80_000, 90_000, 40 * 86_400, -86_400):
            api.venue.jump(seconds)
            events = api.walk("/events/keyset", "events", closed="false")
            sound = [
                m for e in events for m in e["markets"] if m.get("volumeNum", "a lot") != "a lot"
            ]
            assert all(0 <= m["volume24hr"] <= m["volumeNum"] + 1e-6 for m in sound)
            days.append(sum(event["volume24hr"] for event in events))
    assert 0 < max(days) < 5 * min(days), days


@settings(max_examples=40)
@given(st.integers(0, (1 << 64) - 1), st.integers(0, (1 << 48) - 1))
def test_ids_can_be_read_back(key: int, number: int) -> None:
    """In both notations; ids of another family cannot."""
    ids, others = Ids(key), Ids(key ^ 0x1234)
    for text in (ids.hex(number), ids.hex(number, short=True)):
        assert len(text) == 66
        assert ids.of_hex(text) == number
        assert others.of_hex(text) is None
    assert ids.of_decimal(ids.decimal(number)) == number
    assert others.of_decimal(ids.decimal(number)) is None
    for nonsense in ("", "0x", "12", "0x" + "g" * 64, "9" * 78, "-1", "٣"):
        assert ids.of_hex(nonsense) is None
        assert ids.of_decimal(nonsense) is None
