"""Values as rows of their tables: every column, NULL for what is absent, keys once."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from market_assets.frames import FrameError
from market_assets.sources.polymarket import frames
from market_assets.sources.polymarket.model import Event, Market, Sport, Tag, Tags, Trade
from market_assets.tables import (
    POLYMARKET_EVENTS,
    POLYMARKET_MARKETS,
    POLYMARKET_TAGS,
    POLYMARKET_TRADES,
)

from .venue import NOW

END = datetime(2026, 12, 24, tzinfo=UTC)


def test_an_event_is_a_row() -> None:
    one = Event(
        event_id="7",
        title="Event 7",
        tag_ids=("21", "235"),
        tag_slugs=("crypto", ""),
        end_at=END,
        closed=False,
        open_interest_usd=4321.0,
        markets=(Market(condition_id="0x1"), Market(condition_id="0x2")),
    )
    (row,) = frames.events([one], NOW).to_dicts()
    assert row == dict.fromkeys(POLYMARKET_EVENTS.column_names) | {
        "event_id": "7",
        "title": "Event 7",
        "tag_ids": ["21", "235"],
        "tag_slugs": ["crypto", None],
        "end_at": END,
        "closed": False,
        "open_interest_usd": 4321.0,
        "market_count": 2,
        "first_seen_at": NOW,
        "is_listed": True,
        "last_listed_at": NOW,
        "times_missed": 0,
        "updated_at": NOW,
        "ingested_at": NOW,
    }


def test_a_market_is_a_row() -> None:
    one = Market(
        condition_id="0x1",
        outcomes=("Yes", "No"),
        outcome_prices=(None, 0.25),
        token_ids=("11", "22"),
        neg_risk=True,
        best_bid=0.5,
        end_at=END,
        winning_outcome="Yes",
        created_at=END,
    )
    (row,) = frames.markets([one], NOW).to_dicts()
    assert row == dict.fromkeys(POLYMARKET_MARKETS.column_names) | {
        "condition_id": "0x1",
        "outcomes": ["Yes", "No"],
        "outcome_prices": [None, 0.25],
        "token_ids": ["11", "22"],
        "neg_risk": True,
        "neg_risk_source": "gamma",
        "best_bid": 0.5,
        "end_at": END,
        "winning_outcome": "Yes",
        "first_seen_at": NOW,
        "is_listed": True,
        "last_listed_at": NOW,
        "times_missed": 0,
        "updated_at": NOW,
        "ingested_at": NOW,
    }


def test_what_nobody_said_has_no_source() -> None:
    (row,) = frames.markets([Market(condition_id="0x1")], NOW).to_dicts()
    assert {name for name, value in row.items() if value is not None} == {
        "condition_id", "first_seen_at", "updated_at", "ingested_at",
        "is_listed", "last_listed_at", "times_missed",
    }  # fmt: skip


def test_lists_stay_with_their_rows() -> None:
    """Among rows without any; a missing list is NULL, an event without tags has none."""
    some = [Market(condition_id=str(n), outcomes=("a",) * (n % 3)) for n in range(7)]
    assert frames.markets(some, NOW)["outcomes"].to_list() == [
        None, ["a"], ["a", "a"], None, ["a"], ["a", "a"], None,
    ]  # fmt: skip
    tagged = [Event(event_id="1"), Event(event_id="2", tag_ids=("5",), tag_slugs=("x",))]
    assert frames.events(tagged, NOW)["tag_ids"].to_list() == [[], ["5"]]


def test_what_comes_twice_is_one_row_the_last() -> None:
    """Pages shift while they are walked: the later page knows better."""
    twice = [Market(condition_id="0x1", best_bid=0.1), Market(condition_id="0x1", best_bid=0.2)]
    assert frames.markets(twice, NOW)["best_bid"].to_list() == [0.2]
    events = [Event(event_id="1", title="a"), Event(event_id="1", title="b")]
    assert frames.events(events, NOW)["title"].to_list() == ["b"]


def test_a_tag_is_a_sport_if_a_sport_names_it() -> None:
    tags = Tags((Tag("1", "Sports", "sports"), Tag("21", "Crypto", None)), {})
    frame = frames.tags(tags, (Sport("nba", ("1", "745")), Sport("golf", ())), NOW)
    assert frame.columns == list(POLYMARKET_TAGS.column_names)
    assert frame.rows() == [
        ("1", "Sports", "sports", True, NOW),
        ("21", "Crypto", None, False, NOW),
    ]


def test_a_trade_is_a_row_with_its_notional() -> None:
    trade = Trade(
        transaction_hash=None,
        wallet="0xw",
        condition_id="0x1",
        token_id="11",
        outcome="Yes",
        side="SELL",
        price=0.25,
        size=200.0,
        traded_at=END,
    )
    frame = frames.trades([("k1", trade)], NOW)
    assert frame.columns == list(POLYMARKET_TRADES.column_names)
    assert frame.rows() == [
        ("k1", None, "0xw", "0x1", "11", "Yes", "SELL", 0.25, 200.0, 50.0, END, NOW)
    ]


def test_nothing_is_a_frame_without_rows() -> None:
    for frame, spec in (
        (frames.events([], NOW), POLYMARKET_EVENTS),
        (frames.markets([], NOW), POLYMARKET_MARKETS),
        (frames.tags(Tags((), {}), (), NOW), POLYMARKET_TAGS),
        (frames.trades([], NOW), POLYMARKET_TRADES),
    ):
        assert frame.schema == spec.schema
        assert frame.is_empty()


def test_a_number_that_sql_would_sort_wrongly_is_refused() -> None:
    """None gets so far; a frame would not let it through."""
    with pytest.raises(FrameError, match="best_bid"):
        frames.markets([Market(condition_id="0x1", best_bid=float("nan"))], NOW)
