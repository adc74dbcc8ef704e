"""Trades and open interest: what a row may be, and what is asked for."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from market_assets.sources.errors import VenueNonsense, VenueRejected
from market_assets.sources.polymarket.data_api import GREATEST_OFFSET, MOST_TRADES, DataClient
from market_assets.sources.polymarket.model import Trade
from market_assets_tests.sources.http_server import Reply

from .shapes import NO, YES, condition, trade
from .venue import NOW, asked, queries

if TYPE_CHECKING:
    from market_assets_tests.sources.http_server import Server

    from .venue import Connect


def test_reads_every_value_of_a_trade(server: Server, connect: Connect) -> None:
    """Wallet and hash in lower case, seconds as an instant, in the feed's order."""
    server.replies.append(Reply(body=[trade(2), trade(1, side="SELL", asset=NO)]))
    data = connect(DataClient)
    page = data.trades(limit=500)
    assert page.trades[0] == Trade(
        transaction_hash=f"0xabc{2:061x}",
        wallet="0xabcdef0000000000000000000000000000000001",
        condition_id=condition(2),
        token_id=YES,
        outcome="Yes",
        side="BUY",
        price=0.155,
        size=200.0,
        traded_at=datetime.fromtimestamp(1_795_000_002, UTC),
    )
    assert (page.trades[1].side, page.trades[1].token_id) == ("SELL", NO)
    assert (page.rows, page.rejected) == (2, {})
    assert (page.newest_at, page.oldest_at) == (page.trades[0].traded_at, page.trades[1].traded_at)


def test_asks_in_the_venues_words(server: Server, connect: Connect) -> None:
    """The filter's two parameters only together; a window in whole seconds that holds it all."""
    data = connect(DataClient)
    start = datetime(2026, 11, 1, 0, 0, 0, 900_000, tzinfo=UTC)
    data.trades(limit=500, offset=1000, start=start, end=start + timedelta(hours=1))
    data.trades(limit=MOST_TRADES, offset=GREATEST_OFFSET, min_notional_usd=1_000_000)
    data.trades(limit=1, min_notional_usd=0.5)
    data.trades(limit=1, min_notional_usd=0)
    common = {"takerOnly": ["true"]}
    cash = {"filterType": ["CASH"]}
    assert queries(server) == [
        (
            "/trades",
            {
                **common, "limit": ["500"], "offset": ["1000"],
                "start": ["1793491200"], "end": ["1793494801"],
            },
        ),
        (
            "/trades",
            {
                **common, **cash, "limit": ["10000"], "offset": ["10000"],
                "filterAmount": ["1000000"],
            },
        ),
        ("/trades", {**common, **cash, "limit": ["1"], "offset": ["0"], "filterAmount": ["0.5"]}),
        ("/trades", {**common, "limit": ["1"], "offset": ["0"]}),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "page", [{"limit": 0}, {"limit": 10_001}, {"limit": 1, "offset": 10_001}, {"limit": -1}]
)
def test_a_page_that_the_venue_would_refuse_is_not_asked_for(
    server: Server, connect: Connect, page: dict[str, int]
) -> None:
    data = connect(DataClient)
    with pytest.raises(ValueError, match="narrower window"):
        data.trades(**page)
    assert server.requests == []


def test_an_offset_that_the_venue_refuses_all_the_same_is_an_error(
    server: Server, connect: Connect
) -> None:
    server.default = lambda _body: Reply(400, {"error": "offset too large"})
    data = connect(DataClient)
    with pytest.raises(VenueRejected, match="offset too large") as refusal:
        data.trades(limit=500, offset=9500)
    assert refusal.value.status == 400


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"price": 1.7}, "price 1.7 is outside 0 to 1"),
        ({"price": 0}, "price 0.0 is none that anybody pays"),
        ({"price": -0.2}, "price -0.2"),
        ({"price": None}, "no price"),
        ({"price": "cheap"}, "'cheap' is no number"),
        ({"size": -200}, "size -200.0 is not above 0"),
        ({"size": 0}, "size 0.0"),
        ({"size": ""}, "no size"),
        ({"timestamp": 0}, "timestamp 0 is no time"),
        ({"timestamp": 1_795_000_000_000}, "timestamp 1795000000000 is no time"),
        ({"timestamp": int(NOW.timestamp()) + 90_000}, "is no time"),
        ({"timestamp": None}, "no timestamp"),
        ({"side": "HOLD"}, "side 'HOLD'"),
        ({"side": None}, "side ''"),
        ({"asset": ""}, "no condition id or no token"),
        ({"conditionId": None}, "no condition id or no token"),
        ({"price": [0.5]}, "Expected"),
    ],
)
def test_a_row_that_cannot_be_a_trade_costs_only_itself(
    server: Server, connect: Connect, changed: dict[str, Any], reason: str
) -> None:
    """It is named by its place and counted as a row; the page stands."""
    server.replies.append(Reply(body=[trade(3), trade(2, **changed), trade(1)]))
    data = connect(DataClient)
    page = data.trades(limit=500)
    assert [one.condition_id for one in page.trades] == [condition(3), condition(1)]
    assert page.rows == 3
    ((name, why),) = page.rejected.items()
    assert reason in why
    assert name.startswith("trade ")
    assert data.rejected[0] == 1


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        (0.1549999978, 0.155),
        ("0.8450000021", 0.845),
        (0.9999999, 1.0),
        (0.0001, 0.0001),
        (0.0000004, 0.0000004),
        (0.1234567, 0.1234567),
        (0.00251, 0.00251),
    ],
)
def test_noise_of_a_division_is_taken_off_a_price(
    server: Server, connect: Connect, written: float | str, meant: float
) -> None:
    """Only what lies within a millionth of the finest tick; a mean of several fills stays."""
    server.replies.append(Reply(body=[trade(1, price=written)]))
    data = connect(DataClient)
    assert data.trades(limit=1).trades[0].price == meant


def test_what_is_absent_is_none_and_a_combos_id_stays(server: Server, connect: Connect) -> None:
    combo = "0x" + "0" * 20 + "ab" * 21
    row = trade(1, transactionHash="", proxyWallet="", outcome="", conditionId=combo, size="7.5")
    del row["name"]
    server.replies.append(Reply(body=[row, None]))
    data = connect(DataClient)
    page = data.trades(limit=2)
    (found,) = page.trades
    assert (found.transaction_hash, found.wallet, found.outcome) == (None, None, None)
    assert (found.condition_id, found.size) == (combo, 7.5)
    assert (page.rows, page.rejected) == (2, {})


def test_an_empty_page_is_the_end_and_no_list_is_an_error(server: Server, connect: Connect) -> None:
    """A null, an object or ten rows of nonsense never pass for the end of the feed."""
    data = connect(DataClient)
    server.default = lambda _body: Reply(body=[])
    assert data.trades(limit=500) == ((), 0, None, None, {})
    for body in (None, {"data": []}, {"trades": []}):
        server.default = lambda _body, body=body: Reply(body=body)
        with pytest.raises(VenueNonsense, match="Expected `array`"):
            data.trades(limit=500)
    server.default = lambda _body: Reply(body=[{"unknown": "shape"}] * 10)
    with pytest.raises(VenueNonsense, match="none of 10 rows"):
        data.trades(limit=500)


def interest(server: Server, known: dict[str, Any]) -> None:
    """Serve `/oi`; unknown markets are left out."""

    def route(path: str, _body: Any) -> Reply:
        _, query = asked(path)
        wanted = query["market"][0].split(",")
        return Reply(body=[{"market": id_, "value": known[id_]} for id_ in wanted if id_ in known])

    server.route = route


def test_open_interest_comes_in_batches(server: Server, connect: Connect) -> None:
    """A market that the answer leaves out has none, not 0; one of 0 has 0."""
    interest(server, {condition(n): n * 1.5 for n in range(100)})
    data = connect(DataClient, concurrency=1)
    found = data.open_interest([condition(n) for n in range(130)])
    assert found.values == {condition(n): n * 1.5 for n in range(100)}
    assert found.rejected == {}
    sizes = [len(query["market"][0].split(",")) for _, query in queries(server)]
    assert sizes == [60, 60, 10]
    assert all(len(path) < 8192 for path, _ in server.requests)


def test_a_malformed_id_does_not_cost_the_others_theirs(server: Server, connect: Connect) -> None:
    """The venue answers 400 to all of them for one: it is left out, and named."""
    combo = "0x" + "0" * 20 + "ab" * 21
    interest(server, {condition(1): 1.5})
    data = connect(DataClient)
    found = data.open_interest([combo, condition(1), "0x12", ""])
    assert found.values == {condition(1): 1.5}
    assert set(found.rejected) == {f"market {combo}", "market 0x12", "market "}
    assert [query for _, query in queries(server)] == [{"market": [condition(1)]}]


@pytest.mark.parametrize("value", [-5, "nan", None, "", "much"])
def test_an_open_interest_that_cannot_be_is_not_there(
    server: Server, connect: Connect, value: Any
) -> None:
    interest(server, {condition(1): value, condition(2): "12.5"})
    data = connect(DataClient)
    found = data.open_interest([condition(1), condition(2)])
    assert found.values == {condition(2): 12.5}
    assert all("open interest" in name for name in found.rejected)
    assert len(found.rejected) == (0 if value in (None, "") else 1)


def test_an_open_interest_of_something_else_is_named(server: Server, connect: Connect) -> None:
    """`GLOBAL` is what the venue says of no market at all."""
    server.replies.append(
        Reply(
            body=[{"market": "GLOBAL", "value": 9}, {"market": condition(10).upper(), "value": 1}]
        )
    )
    data = connect(DataClient)
    found = data.open_interest([condition(10)])
    assert found.values == {condition(10): 1.0}
    assert found.rejected == {"open interest [0]": "of 'GLOBAL', which nobody asked for"}


@pytest.mark.parametrize("body", [None, {"market": "0x1", "value": 1}, "none"])
def test_open_interest_that_is_no_list_is_an_error(
    server: Server, connect: Connect, body: Any
) -> None:
    """Taken for an empty one, it would pass for markets without open interest."""
    server.default = lambda _body: Reply(body=body)
    data = connect(DataClient)
    with pytest.raises(VenueNonsense, match="/oi: Expected `array`"):
        data.open_interest([condition(1)])
