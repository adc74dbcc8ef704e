"""The venue's own answers, where this machine has them: decoded, and checked by hand."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from market_assets.sources.polymarket import frames, wire
from market_assets.sources.polymarket.books import decode_books
from market_assets.sources.polymarket.data_wire import decode_trades
from market_assets.sources.polymarket.markets import read_event, read_market
from market_assets.sources.polymarket.tags import read_sports, read_tags
from market_assets_tests.recordings import recordings

from .venue import NOW

if TYPE_CHECKING:
    from market_assets.sources.polymarket.model import Event, Market

FOLDER = recordings("polymarket")
pytestmark = pytest.mark.skipif(FOLDER is None, reason="no recorded payloads on this machine")


def payload(name: str) -> Any:
    """A recording; several of them where it holds one a line."""
    assert FOLDER is not None
    text = (FOLDER / name).read_text("utf-8")
    if name.endswith("l"):
        return [json.loads(line) for line in text.splitlines()]
    return json.loads(text)


def listed(name: str) -> list[Any]:
    """A recording as the list in which the venue would have sent it."""
    said = payload(name)
    return said if isinstance(said, list) else [said]


def events(said: list[Any]) -> list[Event]:
    """All of them; nothing may have been rejected."""
    page = wire.decode_events(json.dumps(said).encode())
    rejected = wire.named(page.rows.faults)
    found = [read_event(row, at, rejected) for at, row in enumerate(page.rows.items) if row]
    assert rejected == {}
    assert len(found) == len(said)
    return [one for one in found if one is not None]


def markets(said: list[Any]) -> list[Market]:
    """All of them; nothing may have been rejected."""
    page = wire.decode_markets(json.dumps(said).encode())
    rejected = wire.named(page.rows.faults)
    found = [
        read_market(row, None, str(at), rejected) for at, row in enumerate(page.rows.items) if row
    ]
    assert rejected == {}
    assert len(found) == len(said)
    return [one for one in found if one is not None]


def _fee(said: dict[str, Any]) -> float | None:
    """Fees that are off are 0; without a schedule nothing is known."""
    if said.get("feesEnabled") is False:
        return 0.0
    return said["feeSchedule"]["rate"] if "feeSchedule" in said else None


def agrees(found: Market, said: dict[str, Any]) -> None:
    """Each value is what the payload says, read the plain way."""
    assert found.condition_id == said["conditionId"]
    assert found.market_id == str(said["id"])
    assert found.question == said["question"]
    assert list(found.outcomes) == json.loads(said["outcomes"])
    assert list(found.outcome_prices) == [float(p) for p in json.loads(said["outcomePrices"])]
    assert list(found.token_ids) == json.loads(said["clobTokenIds"])
    assert (found.active, found.closed) == (said["active"], said["closed"])
    assert found.accepting_orders == said["acceptingOrders"]
    assert found.volume_usd == said.get("volumeNum")
    assert found.liquidity_usd == said.get("liquidityNum")
    assert found.volume_24h_usd == said.get("volume24hr")
    assert found.best_bid == said.get("bestBid")
    assert found.best_ask == said.get("bestAsk")
    assert found.last_trade_price == (said.get("lastTradePrice") or None)
    assert found.tick_size == said["orderPriceMinTickSize"]
    assert found.min_order_size == said["orderMinSize"]
    assert found.taker_fee_rate == _fee(said)
    assert found.end_at is not None
    assert f"{found.end_at:%Y-%m-%dT%H:%M:%SZ}" == said["endDate"]
    assert (found.closed_at is None) == ("closedTime" not in said)
    assert found.resolution_status == said.get("umaResolutionStatus")


def test_closed_markets_of_an_hour() -> None:
    """48 five-minute markets of July 2026: dates with a space, resolved both ways."""
    said = listed("ligengxin-gamma-markets-1.jsonl")
    found = markets(said)
    assert len(found) == 48
    for one, payload_ in zip(found, said, strict=True):
        agrees(one, payload_)
        assert one.winning_outcome == one.outcomes[one.outcome_prices.index(1.0)]
    first = found[0]
    assert first.slug == "btc-updown-5m-1784850900"
    assert first.closed_at == datetime(2026, 7, 24, 0, 0, 16, tzinfo=UTC)
    assert (first.volume_usd, first.liquidity_usd) == (79945.98005599984, 0.0)
    assert (first.winning_outcome, found[1].winning_outcome) == ("Up", "Down")
    assert found[1].best_bid is None, "nobody bids for what has lost"
    assert frames.markets(found, NOW)["condition_id"].n_unique() == 48


@pytest.mark.parametrize(
    ("name", "event_id", "winner"),
    [
        ("nautilus-gamma-market-1.json", "260654", None),
        ("nautilus-gamma-market-closed-binary-accepting-false-1.json", None, "No"),
        ("nautilus-gamma-market-sports-market-money-line-1.json", "346898", "FaZe"),
        ("polyoxide-gamma-markets-1.json", "30829", None),
    ],
)
def test_markets_by_themselves(name: str, event_id: str | None, winner: str | None) -> None:
    """Open and closed, before and after the venue's versions; the event is named inside."""
    said = listed(name)
    (found,) = markets(said)
    agrees(found, said[0])
    assert (found.event_id, found.winning_outcome) == (event_id, winner)


@pytest.mark.parametrize(
    ("name", "sizes"),
    [
        ("polyoxide-gamma-event-1.json", [3]),
        ("trebuchet-gamma-event-1.json", [5]),
        ("nautilus-gamma-event-1.json", [2]),
        ("polyoxide-gamma-event-game-child-1.json", [0]),
        ("polyoxide-gamma-event-game-full-1.json", [0]),
    ],
)
def test_events_with_their_markets(name: str, sizes: list[int]) -> None:
    said = listed(name)
    found = events(said)
    assert [len(one.markets) for one in found] == sizes
    for one, payload_ in zip(found, said, strict=True):
        assert one.event_id == str(payload_["id"])
        assert one.title == payload_["title"]
        assert list(one.tag_slugs) == [tag["slug"] for tag in payload_["tags"]]
        assert list(one.tag_ids) == [str(tag["id"]) for tag in payload_["tags"]]
        assert one.liquidity_usd == payload_.get("liquidity")
        assert one.volume_usd == payload_.get("volume")
        assert one.open_interest_usd == payload_.get("openInterest")
        assert one.neg_risk == payload_["negRisk"]
        for market, said_of_it in zip(one.markets, payload_.get("markets", []), strict=True):
            agrees(market, said_of_it)
            assert market.event_id == one.event_id
            assert market.neg_risk == said_of_it["negRisk"]


def test_an_event_to_the_last_digit() -> None:
    (found,) = events(listed("polyoxide-gamma-event-1.json"))
    assert found.start_at == datetime(2025, 7, 11, 18, 35, 56, 805_000, tzinfo=UTC)
    assert found.end_at == datetime(2028, 11, 8, 4, 59, tzinfo=UTC)
    assert (found.volume_24h_usd, found.open_interest_usd) == (164397.54224, 8778507.831607997)
    newsom = found.markets[0]
    assert newsom.outcome_prices == (0.1545, 0.8455)
    assert (newsom.best_bid, newsom.best_ask, newsom.last_trade_price) == (0.154, 0.155, 0.154)
    assert newsom.token_ids[0].startswith("5453304381994659254751751117694099995")


@pytest.mark.parametrize(
    ("name", "sizes"),
    [("trebuchet-gamma-search-1.json", [5, 4]), ("nautilus-search-response-1.json", [1])],
)
def test_events_of_a_search(name: str, sizes: list[int]) -> None:
    """The same objects in another answer; some keys are missing there."""
    assert [len(one.markets) for one in events(payload(name)["events"])] == sizes


def test_tags_and_sports() -> None:
    assert FOLDER is not None
    rows = wire.decode_tags((FOLDER / "nautilus-gamma-tags-1.json").read_bytes())
    tags = read_tags(rows)
    assert tags.rejected == {}
    assert tags.tags[0] == ("101259", "Health and Human Services", "health-and-human-services")
    assert len(tags.tags) == 5
    sport = json.dumps(listed("polyoxide-gamma-sport-metadata-1.json")).encode()
    assert read_sports(wire.decode_sports(sport)) == ((("nba", ("1", "745", "100639")),), {})


def test_trades() -> None:
    """30 rows, whole numbers and fractions mixed, both outcomes, prices with a division's noise."""
    assert FOLDER is not None
    said = listed("polyoxide-data-trades-1.json")
    page = decode_trades((FOLDER / "polyoxide-data-trades-1.json").read_bytes(), NOW)
    assert (page.rows, len(page.trades), page.rejected) == (30, 30, {})
    for found, row in zip(page.trades, said, strict=True):
        assert found.transaction_hash == row["transactionHash"]
        assert (found.wallet, found.token_id) == (row["proxyWallet"], row["asset"])
        assert (found.side, found.outcome) == (row["side"], row["outcome"])
        assert found.size == row["size"]
        assert found.price == pytest.approx(row["price"], abs=1e-6)
        assert found.price == round(found.price, 4), "on a tick"
        assert found.traded_at.timestamp() == row["timestamp"]
    assert page.newest_at == datetime(2026, 10, 16, 17, 23, 11, tzinfo=UTC)
    assert {found.outcome for found in page.trades} == {"Yes", "No"}
    frame = frames.trades([(str(n), found) for n, found in enumerate(page.trades)], NOW)
    assert frame["notional_usd"][0] == pytest.approx(152.68 * 0.154)


@pytest.mark.parametrize(
    ("name", "books"),
    [
        ("trebuchet-clob-books-1.json", 10),
        ("polyoxide-clob-book-1.json", 1),
        ("netqo-clob-book-1.json", 1),
    ],
)
def test_books(name: str, books: int) -> None:
    """Best first: the last level of the recorded lists."""
    said = listed(name)
    tokens = [one["asset_id"] for one in said]
    answer = decode_books(json.dumps(said).encode(), tokens)
    assert answer.rejected == {}
    assert list(answer.books) == tokens
    assert len(said) == books
    for found, one in zip(answer.books.values(), said, strict=True):
        for levels, raw in ((found.bids, one["bids"]), (found.asks, one["asks"])):
            assert list(levels) == [(float(r["price"]), float(r["size"])) for r in reversed(raw)]
        assert found.condition_id == one["market"]
        assert round(found.at.timestamp() * 1000) == int(one["timestamp"])
        assert (found.hash, found.neg_risk) == (one["hash"], one["neg_risk"])
        assert found.last_trade_price == float(one["last_trade_price"])
        assert (found.tick_size, found.min_order_size) == (0.001, 5.0)
