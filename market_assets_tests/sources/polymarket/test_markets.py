"""Markets and events: each trap of the venue's, and that a bad value costs itself alone."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from market_assets.sources.polymarket import wire
from market_assets.sources.polymarket.markets import read_event, read_market
from market_assets.sources.polymarket.model import Event, Market

from .shapes import NO, YES, condition, event, market, resolved


def read(*payloads: Any) -> tuple[list[Event], dict[str, str]]:
    """The events of one answer, and what was kept out."""
    page = wire.decode_events(json.dumps(payloads).encode())
    rejected = wire.named(page.rows.faults)
    found = [
        read_event(row, position, rejected)
        for position, row in enumerate(page.rows.items)
        if row is not None
    ]
    return [one for one in found if one is not None], rejected


def read_one(**changed: Any) -> tuple[Market, dict[str, str]]:
    """A market that came by itself."""
    page = wire.decode_markets(json.dumps([market(**changed)]).encode())
    rejected = wire.named(page.rows.faults)
    (row,) = page.rows.items
    assert row is not None
    found = read_market(row, None, "0", rejected)
    assert found is not None
    return found, rejected


def test_reads_every_value_of_a_market() -> None:
    found, rejected = read_one()
    assert rejected == {}
    assert found == Market(
        condition_id=condition(1),
        market_id="500001",
        question_id=condition(1),
        slug="will-it-happen-1",
        question="Will it happen 1?",
        outcomes=("Yes", "No"),
        outcome_prices=(0.155, 0.845),
        token_ids=(f"{YES}1", f"{NO}1"),
        active=True,
        closed=False,
        accepting_orders=True,
        order_book_enabled=True,
        neg_risk=False,
        liquidity_usd=777.25,
        volume_usd=1234.5,
        volume_24h_usd=99.25,
        best_bid=0.154,
        best_ask=0.156,
        last_trade_price=0.155,
        tick_size=0.001,
        min_order_size=5.0,
        end_at=datetime(2026, 12, 24, 12, tzinfo=UTC),
        created_at=datetime(2026, 11, 1, 8, 0, 0, 123450, tzinfo=UTC),
    )


def test_reads_every_value_of_an_event() -> None:
    (found,), rejected = read(event(7, market(1), market(2), category="Crypto"))
    assert rejected == {}
    assert [one.event_id for one in found.markets] == ["7", "7"]
    assert found.tag_ids == ("21", "235")
    assert found.tag_slugs == ("crypto", "bitcoin")
    assert found.tag_labels == ("Crypto", "Bitcoin")
    assert found.start_at == datetime(2026, 11, 1, 8, 30, 0, 123456, tzinfo=UTC)
    assert (found.title, found.slug, found.category) == ("Event 7", "event-7", "Crypto")
    assert (found.liquidity_usd, found.volume_usd, found.volume_24h_usd) == (777.25, 1234.5, 99.25)
    assert (found.open_interest_usd, found.closed_at, found.active) == (4321.0, None, True)


def test_lists_may_be_lists() -> None:
    """Outcomes, prices and tokens are arrays in some answers, strings of JSON in others."""
    found, rejected = read_one(
        outcomes=["Up", "Down"], outcomePrices=[0.25, "0.75"], clobTokenIds=["11", 22]
    )
    assert rejected == {}
    assert found.outcomes == ("Up", "Down")
    assert found.outcome_prices == (0.25, 0.75)
    assert found.token_ids == ("11", "22")


def test_numeric_volumes_come_before_their_strings() -> None:
    found, _ = read_one(volume="1", volumeNum=2.5, liquidity="3", liquidityNum=4)
    assert (found.volume_usd, found.liquidity_usd) == (2.5, 4.0)
    found, _ = read_one(volume="1.5", volumeNum=None, liquidity="3", liquidityNum=None)
    assert (found.volume_usd, found.liquidity_usd) == (1.5, 3.0)


def test_empty_is_absent() -> None:
    """'' is how the venue leaves out much of what it leaves out."""
    found, rejected = read_one(
        questionID="", slug="", volumeNum=None, volume="", bestBid="", endDate="", endDateIso="",
        outcomePrices="", umaResolutionStatus="", closedTime="",
    )  # fmt: skip
    assert rejected == {}
    assert (found.question_id, found.slug, found.volume_usd, found.best_bid) == (None,) * 4
    assert (found.end_at, found.closed_at, found.resolution_status) == (None,) * 3
    assert found.outcome_prices == ()


def test_the_day_counts_where_the_hour_is_missing() -> None:
    found, _ = read_one(endDate=None)
    assert found.end_at == datetime(2026, 12, 24, tzinfo=UTC)


def test_a_last_trade_at_nothing_is_none() -> None:
    assert read_one(lastTradePrice=0)[0].last_trade_price is None


@pytest.mark.parametrize(
    ("changed", "tokens"),
    [
        ({"positionIds": ["91", "92"]}, ("1", "2")),
        ({"version": "v2", "positionIds": ["91", "92"]}, ("91", "92")),
        ({"version": "v2", "positionIds": None}, ()),
        ({"version": None}, ("1", "2")),
        ({"version": ""}, ("1", "2")),
        ({"version": None, "clobTokenIds": None}, ()),
        ({"clobTokenIds": '["", ""]'}, ()),
    ],
)
def test_the_version_says_which_tokens_are_traded(
    changed: dict[str, Any], tokens: tuple[str, ...]
) -> None:
    """Never which of the lists is there: markets of v1 have position ids without a book."""
    found, rejected = read_one(**{"clobTokenIds": '["1", "2"]', **changed})
    assert found.token_ids == tokens
    assert rejected == {}


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"version": "v3"}, "version 'v3' is not known"),
        ({"version": None, "clobTokenIds": None, "positionIds": ["1", "2"]}, "position ids only"),
        ({"conditionId": ""}, "no condition id"),
        ({"conditionId": None}, "no condition id"),
        ({"conditionId": 7}, "Expected `str | null`, got `int`"),
        ({"outcomes": 5}, "Expected"),
        ({"outcomes": '["Yes", "N'}, "holds no list"),
        ({"outcomes": '["Yes", ""]'}, "1 of 2 outcomes without a name"),
        ({"outcomes": None}, "2 token ids for 0 outcomes"),
        ({"clobTokenIds": '["1"]'}, "1 token ids for 2 outcomes"),
        ({"clobTokenIds": '["1", ""]'}, "1 token ids for 2 outcomes"),
        ({"clobTokenIds": '["1", "1"]'}, "1 token ids for 2 outcomes"),
        ({"clobTokenIds": "1,2"}, "holds no list"),
        ({"clobTokenIds": [1.5, "2"]}, "Expected"),
        ({"clobTokenIds": {}}, "holds no list"),
        ({"version": 2}, "Expected `str | null`"),
    ],
)
def test_a_market_that_cannot_be_one_costs_only_itself(
    changed: dict[str, Any], reason: str
) -> None:
    """It is named with the reason; the event and its other markets stand.

    A token of the wrong outcome would be worse than none.
    """
    (found,), rejected = read(event(7, market(1), market(2, **changed), market(3)))
    assert [one.condition_id for one in found.markets] == [condition(1), condition(3)]
    ((name, why),) = rejected.items()
    assert name in {f"market {condition(2)}", "market 500002", "market [1 of event 7]"}
    assert reason in why


def test_what_has_no_name_is_named_by_its_place() -> None:
    nameless = {"conditionId": 7, "id": [1]}
    (found,), rejected = read(event(7, market(1), nameless))
    assert len(found.markets) == 1
    assert list(rejected) == ["market [1 of event 7]"]


@pytest.mark.parametrize("bad", ["not an object", 7, [], {"id": []}, {"id": None}])
def test_an_event_that_cannot_be_one_costs_only_itself(bad: Any) -> None:
    found, rejected = read(event(1), bad, event(3))
    assert [one.event_id for one in found] == ["1", "3"]
    assert len(rejected) == 1
    assert next(iter(rejected)) == "event [1]"


def test_nulls_in_lists_are_passed_over() -> None:
    """With another event that is broken, and so read in pieces, too."""
    sound = event(1, None, market(1), tags=[None, {"id": "21", "slug": "crypto"}])
    for payloads in ([None, sound], [None, sound, {"id": {}}]):
        found, _ = read(*payloads)
        assert [len(one.markets) for one in found] == [1]
        assert found[0].tag_ids == ("21",)


def test_ids_may_be_numbers() -> None:
    (found,), _ = read(event(7, market(1, id=500_001), id=7))
    assert (found.event_id, found.markets[0].market_id) == ("7", "500001")


@pytest.mark.parametrize(
    ("field", "value", "attribute", "reason"),
    [
        ("bestBid", 1.7, "best_bid", "price 1.7 is outside 0 to 1"),
        ("bestAsk", -0.5, "best_ask", "price -0.5 is outside 0 to 1"),
        ("lastTradePrice", "high", "last_trade_price", "'high' is no number"),
        ("volumeNum", -1, "volume_usd", "-1.0 is negative"),
        ("volume24hr", "-3", "volume_24h_usd", "-3.0 is negative"),
        ("liquidityNum", "nan", "liquidity_usd", "no number"),
        ("closedTime", "1970-01-01T00:00:00Z", "closed_at", "before any market"),
        ("createdAt", 0, "created_at", "is no date"),
        ("orderPriceMinTickSize", 0, "tick_size", "price 0.0"),
        ("orderMinSize", -5, "min_order_size", "-5.0 is negative"),
    ],
)
def test_a_bad_value_is_named_and_not_written(
    field: str, value: Any, attribute: str, reason: str
) -> None:
    found, rejected = read_one(**{field: value})
    assert getattr(found, attribute) is None
    assert list(rejected) == [f"market {condition(1)} {field}"]
    assert reason in rejected[f"market {condition(1)} {field}"]
    assert found.question == "Will it happen 1?", "the rest of it stands"


@pytest.mark.parametrize("field", ["volume", "liquidity", "openInterest", "volume24hr"])
def test_a_bad_value_of_an_event_is_named(field: str) -> None:
    (found,), rejected = read(event(7, **{field: -1}))
    assert rejected == {f"event 7 {field}": "-1.0 is negative"}
    assert len(found.markets) == 1


def test_a_bad_price_of_one_outcome_costs_only_itself() -> None:
    found, rejected = read_one(outcomePrices='["1.7", "0.3"]')
    assert found.outcome_prices == (None, 0.3)
    assert list(rejected) == [f"market {condition(1)} outcomePrices[0]"]


@pytest.mark.parametrize("prices", ['["0.5"]', '{"Yes": 1}', '["0.5", '])
def test_prices_that_do_not_fit_the_outcomes_are_left_out(prices: str) -> None:
    found, rejected = read_one(outcomePrices=prices)
    assert found.outcome_prices == ()
    assert list(rejected) == [f"market {condition(1)} outcomePrices"]


def test_an_event_whose_tags_have_no_id_says_so() -> None:
    (found,), rejected = read(event(7, tags=[{"label": "Crypto"}, {"id": 21}]))
    assert (found.tag_ids, found.tag_slugs) == (("21",), ("",))
    assert rejected == {"event 7 tags": "1 without an id"}


@pytest.mark.parametrize(
    ("changed", "winner"),
    [
        ({}, "Yes"),
        ({"outcomePrices": '["0", "1"]'}, "No"),
        ({"umaResolutionStatus": "settled"}, "Yes"),
        ({"umaResolutionStatus": "Resolved"}, "Yes"),
        ({"umaResolutionStatus": None, "resolutionStatus": "resolved"}, "Yes"),
        ({"version": "v2", "resolutionStatus": "resolved", "umaResolutionStatus": ""}, "Yes"),
        ({"outcomePrices": '["0.0000004113", "0.9999995886"]'}, "No"),
        ({"closed": False}, None),
        ({"umaResolutionStatus": "proposed"}, None),
        ({"umaResolutionStatus": "disputed"}, None),
        ({"version": "v2", "resolutionStatus": "active", "umaResolutionStatus": ""}, None),
        ({"outcomePrices": '["0.5", "0.5"]'}, None),
        ({"outcomePrices": '["0", "0"]'}, None),
        ({"outcomePrices": '["1", "1"]'}, None),
        ({"outcomePrices": '["0.9995", "0.0005"]'}, None),
        ({"outcomePrices": '["1", "-1"]'}, None),
        ({"outcomePrices": None}, None),
        ({"outcomes": None, "clobTokenIds": None, "outcomePrices": None}, None),
    ],
)
def test_what_the_oracle_has_resolved_has_the_winner_that_was_paid(
    changed: dict[str, Any], winner: str | None
) -> None:
    """Never while it is open or in dispute; a market that pays both halves has none."""
    found = read_one(**resolved(**changed))[0]
    assert found.winning_outcome == winner
    assert found.winner_source == (None if winner is None else "oracle")


@pytest.mark.parametrize("status", [None, ""])
@pytest.mark.parametrize(
    ("changed", "winner"),
    [
        ({}, "Yes"),
        ({"outcomePrices": '["0", "1"]'}, "No"),
        ({"outcomePrices": '["0.0000004113", "0.9999995886"]'}, "No"),
        ({"outcomePrices": '["0.99999", "0.00001"]'}, "Yes"),
        (
            {"umaResolutionStatuses": "[]", "resolvedBy": "0x65070be9"},
            "Yes",
        ),
        ({"outcomePrices": '["0.9999", "0.0001"]'}, None),
        ({"outcomePrices": '["0", "0"]'}, None),
        ({"outcomePrices": '["0.5", "0.5"]'}, None),
        ({"outcomePrices": '["0.58", "0.42"]', "outcomes": '["Long", "Short"]'}, None),
        ({"outcomePrices": '["1", "0.5"]'}, None),
        ({"outcomePrices": '["1", "x"]'}, None),
        ({"closed": False}, None),
        ({"closedTime": None}, None),
    ],
)
def test_where_the_oracle_is_silent_the_payout_of_a_closed_market_says_who_won(
    status: str | None, changed: dict[str, Any], winner: str | None
) -> None:
    """As the venue settles its own series, and as its markets of the first years are kept."""
    found = read_one(**resolved(**{"umaResolutionStatus": status, **changed}))[0]
    assert found.winning_outcome == winner
    assert found.winner_source == (None if winner is None else "payout")


def test_the_oracles_word_is_the_one_of_the_version() -> None:
    both = {"umaResolutionStatus": "proposed", "resolutionStatus": "Active"}
    assert read_one(**both)[0].resolution_status == "proposed"
    assert read_one(version="v2", positionIds=["1", "2"], **both)[0].resolution_status == "active"


def test_a_market_by_itself_names_its_event() -> None:
    assert read_one(events=[None, {"id": 30829}])[0].event_id == "30829"
    assert read_one(events=[])[0].event_id is None


@pytest.mark.parametrize(
    ("changed", "rate"),
    [
        ({"feesEnabled": True, "feeSchedule": {"rate": 0.07, "exponent": 1}}, 0.07),
        ({"feeSchedule": {"rate": "0.04", "takerOnly": True}}, 0.04),
        ({"feesEnabled": False, "feeSchedule": {"rate": 0.07}}, 0.0),
        ({"feesEnabled": False}, 0.0),
        ({"feesEnabled": True}, None),
        ({"feesEnabled": True, "feeSchedule": {}}, None),
        ({"feeSchedule": None, "takerBaseFee": 1000}, None),
    ],
)
def test_the_fee_is_that_of_the_schedule(changed: dict[str, Any], rate: float | None) -> None:
    found, rejected = read_one(**changed)
    assert found.taker_fee_rate == rate
    assert rejected == {}


@pytest.mark.parametrize("schedule", ["off", {"rate": -0.01}, {"rate": "free"}])
def test_a_fee_that_cannot_be_costs_itself_alone(schedule: object) -> None:
    found, rejected = read_one(feeSchedule=schedule)
    assert found.taker_fee_rate is None
    assert found.question == "Will it happen 1?"
    [name] = rejected
    assert "feeSchedule" in name
