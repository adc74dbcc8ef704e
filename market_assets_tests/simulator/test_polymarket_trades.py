"""The simulated trades: one tape, many pages, late rows, and a feed that moves while it is read."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest

from market_assets_tests.simulator.market_venue import NOW_S, SIZE, Api, polymarket

BUSY = replace(SIZE, trades_per_minute=1500, late_share=0.1, late_s=60)


@pytest.fixture(scope="module")
def api() -> Iterator[Api]:
    with polymarket() as running:
        yield running


def cash(row: dict[str, Any]) -> float:
    return float(row["size"] * row["price"])


def texts(rows: list[dict[str, Any]]) -> Counter[str]:
    """Rows as they are, told apart by nothing but their content."""
    return Counter(json.dumps(row) for row in rows)


def test_pages_by_offset_are_the_feed(api: Api) -> None:
    """While time stands still every page continues the one before, newest first."""
    whole = api.trades(limit=2500)
    pages = [row for offset in range(0, 2500, 500) for row in api.trades(limit=500, offset=offset)]
    assert pages == whole
    assert all(a["timestamp"] >= b["timestamp"] for a, b in pairwise(whole))
    oldest = whole[-1]["timestamp"]
    truth = api.venue.trades(oldest + 1, NOW_S)
    assert truth == [row for row in whole if row["timestamp"] > oldest]
    assert len(api.trades()) == 100
    assert api.trades(limit=0) == []


def test_a_window_is_the_feed_between_two_seconds(api: Api) -> None:
    """Both ends included, each window with an offset of its own."""
    start, end = NOW_S - 400, NOW_S - 100
    window = api.trades(start=start, end=end, limit=10_000)
    assert window == api.venue.trades(start, end)
    assert {start, end} >= {window[-1]["timestamp"], window[0]["timestamp"]}
    assert api.trades(start=start, end=end, limit=50, offset=50) == window[50:100]
    assert api.trades(start=NOW_S + 10) == []


def test_filters_keep_what_they_name(api: Api) -> None:
    """By value, by size, by side, by market, by event and by wallet: parts of the same feed."""
    start = NOW_S - 900
    whole = api.venue.trades(start, NOW_S)
    query = {"start": start, "limit": 10_000}
    large = api.trades(filterType="CASH", filterAmount=1000, **query)
    assert large == [row for row in whole if cash(row) >= 1000]
    assert len(large) >= 5
    assert large == api.venue.trades(start, NOW_S, min_usd=1000)
    shares = api.trades(filterType="TOKENS", filterAmount=500, **query)
    assert shares == [row for row in whole if row["size"] >= 500]
    assert api.trades(side="sell", **query) == [row for row in whole if row["side"] == "SELL"]
    busiest = [name for name, _ in Counter(row["conditionId"] for row in whole).most_common(2)]
    found = api.trades(market=",".join(busiest), **query)
    assert found == [row for row in whole if row["conditionId"] in busiest]
    wallet = whole[0]["proxyWallet"]
    assert api.trades(user=wallet, **query) == [r for r in whole if r["proxyWallet"] == wallet]
    (event,) = (api.gamma(f"/events/slug/{whole[0]['eventSlug']}").json()["id"],)
    found = api.trades(eventId=event, **query)
    assert found == [row for row in whole if row["eventSlug"] == whole[0]["eventSlug"]]


@pytest.mark.parametrize(
    "query",
    [
        {"limit": 10_001},
        {"offset": 10_001},
        {"limit": -1},
        {"limit": "all"},
        {"filterType": "CASH"},
        {"filterAmount": 1000},
        {"filterType": "CASH", "filterAmount": "much"},
        {"filterType": "EUR", "filterAmount": 1},
        {"side": "HOLD"},
        {"takerOnly": "perhaps"},
        {"market": "0x12"},
        {"market": f"0x{'0' * 64}", "eventId": "1"},
    ],
)
def test_what_is_refused(api: Api, query: dict[str, Any]) -> None:
    """400 with an error, as version 1 does."""
    answer = api.data("/trades", **query)
    assert answer.status_code == 400
    assert answer.json()["error"]


def test_what_a_row_looks_like(api: Api) -> None:
    """Numbers of both kinds, prices off the tick, several fills a transaction, some alike."""
    rows = api.trades(limit=10_000)
    assert {type(row["size"]) for row in rows} == {int, float}
    assert any(round(row["price"], 4) != row["price"] for row in rows)
    assert all(0 < row["price"] < 1 and row["size"] > 0 for row in rows)
    fills = Counter(row["transactionHash"] for row in rows)
    assert max(fills.values()) == 6
    alike = [count for count in texts(rows).values() if count > 1]
    assert alike
    assert len(fills) < len(rows) - 1000
    assert {row["outcomeIndex"] for row in rows} == {0, 1}
    known = {
        m["condition_id"]: m for m in api.venue.markets(*{r["conditionId"] for r in rows[:99]})
    }
    for row in rows[:99]:
        market = known[row["conditionId"]]
        assert market["token_ids"][row["outcomeIndex"]] == row["asset"]
        assert market["outcomes"][row["outcomeIndex"]] == row["outcome"]


def test_makers_come_only_when_asked_for(api: Api) -> None:
    """`takerOnly=false` adds the other side of each fill."""
    takers, both = api.trades(limit=50), api.trades(limit=100, takerOnly="false")
    assert both[::2] == takers
    for taker, maker in zip(both[::2], both[1::2], strict=True):
        assert maker["transactionHash"] == taker["transactionHash"]
        assert maker["side"] != taker["side"]
        assert maker["proxyWallet"] != taker["proxyWallet"]


def test_late_trades_come_later() -> None:
    """What a feed shows of a minute grows for as long as `late_s`, and then no more."""
    with polymarket(BUSY) as api:
        window = (NOW_S - 60, NOW_S)
        seen = [texts(api.venue.trades(*window))]
        for _ in range(9):
            api.venue.jump(10)
            seen.append(texts(api.venue.trades(*window)))
    assert all(not before - after for before, after in pairwise(seen))
    assert seen[6] - seen[1], "nothing was late by more than ten seconds"
    assert seen[7] == seen[9]


def test_pages_shift_while_one_reads_them() -> None:
    """New trades push old ones onto the next page: rows come twice, and none is lost between."""
    with polymarket(BUSY) as api:
        read: list[dict[str, Any]] = []
        for offset in range(0, 2500, 500):
            read += api.trades(limit=500, offset=offset)
            api.venue.jump(2)
        oldest = read[-1]["timestamp"]
        truth = texts(api.venue.trades(oldest, NOW_S + 60))
        unread = texts(api.venue.trades(oldest + 1, read[0]["timestamp"])) - texts(read)
        doubled = sum((texts(read) - truth).values())
    assert doubled > 50
    assert sum(unread.values()) < 300, "only late ones can be missing"


def test_impossible_rows_are_in_the_feed_and_not_in_the_truth() -> None:
    """As many as asked for, and each impossible in one way."""
    with polymarket(replace(SIZE, broken_trades_one_in=50)) as api:
        rows = api.trades(start=NOW_S - 200, limit=10_000)
        truth = texts(api.venue.trades(NOW_S - 200, NOW_S))
    wrong = [row for row in rows if not possible(row)]
    assert 20 < len(wrong) < 150
    assert {
        "price": any(row["price"] > 1 for row in wrong),
        "size": any(row["size"] < 0 for row in wrong),
        "timestamp": any(row["timestamp"] == 0 for row in wrong),
        "side": any(row["side"] == "HOLD" for row in wrong),
    } == dict.fromkeys(("price", "size", "timestamp", "side"), True)
    assert not texts(wrong) & truth
    assert not texts([row for row in rows if possible(row)]) - truth


def possible(row: dict[str, Any]) -> bool:
    return (
        0 < row["price"] < 1
        and row["size"] > 0
        and row["timestamp"] > 0
        and row["side"] in ("BUY", "SELL")
    )


def test_the_usual_rate_gives_a_few_large_trades_a_minute() -> None:
    """At the size that `simulate` runs with; and the feed ends where it was told to begin."""
    usual = replace(SIZE, trades_per_minute=120, trade_days=1)
    with polymarket(usual) as api:
        hour = api.venue.trades(NOW_S - 3600, NOW_S, min_usd=1000)
        first = api.trades(filterType="CASH", filterAmount=5000, limit=10_000)[-1]["timestamp"]
    assert 1 < len(hour) / 60 < 12
    assert NOW_S - 86_400 <= first < NOW_S - 80_000
