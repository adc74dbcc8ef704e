"""What tells one fill from another."""

from __future__ import annotations

import re
from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from market_assets.ingestion.polymarket.trade_keys import keyed
from market_assets.sources.polymarket.model import Trade
from market_assets_tests.ingestion.polymarket.feeds import NOW, trade

FILLS = st.builds(
    trade,
    st.integers(0, 2),
    st.sampled_from(["a", "b"]),
    wallet=st.sampled_from(["0xw", "0xv", None]),
    token_id=st.sampled_from(["1", "2"]),
    side=st.sampled_from(["BUY", "SELL"]),
    price=st.sampled_from([0.5, 0.501]),
    size=st.sampled_from([1.0, 1.000001]),
)


def keys(*rows: Trade) -> list[str]:
    return [key for key, _ in keyed(rows)]


def test_every_fill_of_a_transaction_has_a_key() -> None:
    """Fills of one transaction differ in size, price, token, side or wallet."""
    same = {
        "size": 4000.5,
        "price": 0.51,
        "token_id": "2",
        "side": "SELL",
        "wallet": "0xother",
        "traded_at": NOW + timedelta(seconds=1),
        "transaction_hash": None,
    }
    found = keys(trade(0), *(trade(0, **{name: value}) for name, value in same.items()))
    assert len(set(found)) == len(same) + 1


def test_fills_that_are_alike_are_numbered() -> None:
    """Three alike fills have three keys, and two of them the first two of those."""
    three = keys(trade(0), trade(0), trade(0))
    assert len(set(three)) == 3
    assert three[1:] == [f"{three[0]}-2", f"{three[0]}-3"]
    assert keys(trade(0), trade(0)) == three[:2]


def test_a_key_begins_with_the_second() -> None:
    """Keys sort by time, so rows of one time lie together."""
    assert re.fullmatch(r"1795089600-[0-9a-f]{24}", keys(trade(0))[0])


def test_what_may_come_late_or_otherwise_printed_is_no_part_of_it() -> None:
    """Names, upper case and digits below the chain's six decimals do not make another fill."""
    spelt = trade(0, outcome=None, price=0.5000000002, transaction_hash="0xA", wallet="0xW")
    assert keys(spelt) == keys(trade(0))


@settings(max_examples=40, deadline=None)
@given(st.lists(FILLS, max_size=12), st.randoms())
def test_the_order_of_an_answer_does_not_matter(rows: list[Trade], chance: object) -> None:
    """The same rows in another order, as within a second, have the same keys, each once."""
    shuffled = list(rows)
    chance.shuffle(shuffled)  # type: ignore[attr-defined] - hypothesis gives a Random
    assert sorted(keys(*rows)) == sorted(keys(*shuffled))
    assert len(set(keys(*rows))) == len(rows)
