"""What is to be streamed, and when it is flushed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from market_assets.clock import EPOCH
from market_assets.frames import empty
from market_assets.sources.hyperliquid.frames import assets
from market_assets.sources.hyperliquid.model import DEXS, SPOT, Listing, Universe
from market_assets.storage.files.store import FileStore
from market_assets.streams.core.streaming import next_flush
from market_assets.streams.hyperliquid.targets import Targets, from_registry
from market_assets.tables import HYPERLIQUID_ASSETS

if TYPE_CHECKING:
    from pathlib import Path

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def listing(symbol: str, volume: float | None, *, delisted: bool = False) -> Listing:
    dex = symbol.split(":", maxsplit=1)[0] if ":" in symbol else ""
    kind = "spot" if symbol.startswith("@") else "perp"
    return Listing(symbol, kind, dex, symbol, 2, None, False, delisted, volume, None)


LISTED = (
    listing("ETH", 50.0),
    listing("BTC", 90.0),
    listing("xyz:TSLA", 70.0),
    listing("@107", 60.0),
    listing("OLD", 0.0, delisted=True),
    listing("NULL", None),
)


def universe(*listings: Listing, **failures: str) -> Universe:
    return Universe(listings, failures, {})


def test_live_symbols_by_volume() -> None:
    targets = Targets({}).updated(universe(*LISTED))
    assert targets.symbols == ("BTC", "xyz:TSLA", "@107", "ETH", "NULL")
    assert targets.dexs == ("", "xyz")
    assert "OLD" in targets.known


def test_the_mids_go_before_the_candles_of_the_least_traded() -> None:
    targets = Targets({}).updated(universe(*LISTED))
    assert targets.within(5) == (("BTC", "xyz:TSLA", "@107"), ("ETH", "NULL"))
    assert targets.within(1) == ((), targets.symbols)


def test_a_restriction_leaves_out_symbols_and_their_dexs() -> None:
    targets = Targets({}, frozenset({"@107", "OLD", "NONE"})).updated(universe(*LISTED))
    assert targets.symbols == ("@107",)
    assert targets.dexs == ("",)


def test_what_could_not_be_read_stays_and_what_is_gone_goes() -> None:
    """A dex that did not answer is not delisted, however often."""
    before = Targets({}).updated(universe(*LISTED))
    answer = Universe((listing("BTC", 1.0),), {"xyz": "timeout"}, {"ETH": "odd"})
    after = before.updated(answer).updated(answer)
    assert set(after.symbols) == {"BTC", "ETH", "xyz:TSLA"}
    answer = Universe((listing("BTC", 1.0),), {SPOT: "timeout"}, {})
    assert set(before.updated(answer).updated(answer).symbols) == {"BTC", "@107"}
    answer = Universe((listing("BTC", 1.0),), {DEXS: "timeout"}, {})
    assert set(before.updated(answer).updated(answer).symbols) == {"BTC", "xyz:TSLA"}
    answer = Universe((listing("BTC", 1.0),), {}, {"xyz[3]": "its name is no text"})
    assert set(before.updated(answer).updated(answer).symbols) == {"BTC", "xyz:TSLA"}


def test_an_answer_that_lacks_a_dex_or_a_symbol_is_confirmed_first() -> None:
    """An empty list of a dex, of spot, of the first dex; and one symbol out of many."""
    before = Targets({}).updated(universe(*LISTED))
    for lacking in ("xyz:TSLA", "@107", "BTC"):
        answer = universe(*(one for one in LISTED if one.symbol != lacking))
        once = before.updated(answer)
        assert (once.symbols, once.dexs) == (before.symbols, before.dexs)
        assert once.missed == {lacking}
        assert lacking not in once.updated(answer).assets
        assert once.updated(universe(*LISTED)).updated(answer).symbols == before.symbols
    empty_main = universe(listing("xyz:TSLA", 1.0))
    assert set(before.updated(empty_main).symbols) == set(before.symbols)


def test_a_delisting_that_is_said_counts_at_once() -> None:
    before = Targets({}).updated(universe(*LISTED))
    after = before.updated(universe(*LISTED[1:], listing("ETH", 0.0, delisted=True)))
    assert "ETH" not in after.symbols
    assert after.missed == frozenset()


def test_a_volume_that_is_not_given_is_that_of_before() -> None:
    """A dex whose markets could not be told apart keeps its rank."""
    before = Targets({}).updated(universe(*LISTED))
    after = before.updated(universe(*LISTED[:2], listing("xyz:TSLA", None), *LISTED[3:]))
    assert after.symbols == before.symbols


SAYS = st.sampled_from(["listed", "left out", "unreadable"])


@given(st.lists(st.fixed_dictionaries({"xyz": SAYS, "abc": SAYS}), max_size=12))
def test_a_dex_is_dropped_by_two_answers_in_a_row_and_costs_no_other(
    answers: list[dict[str, str]],
) -> None:
    """Whatever one dex says, the others stay; what cannot be read neither confirms nor denies."""
    symbols = {"xyz": "xyz:A", "abc": "abc:B"}
    targets = Targets({}).updated(
        universe(listing("BTC", 9.0), *(listing(name, 1.0) for name in symbols.values()))
    )
    expected = dict.fromkeys(symbols, True)
    lacked = dict.fromkeys(symbols, 0)
    for answer in answers:
        said = [listing(symbols[dex], 1.0) for dex, says in answer.items() if says == "listed"]
        failures = {dex: "timeout" for dex, says in answer.items() if says == "unreadable"}
        targets = targets.updated(universe(listing("BTC", 9.0), *said, **failures))
        for dex, says in answer.items():
            if says == "left out":
                lacked[dex] += 1
                expected[dex] = expected[dex] and lacked[dex] < 2
            elif says == "listed":
                lacked[dex], expected[dex] = 0, True
        assert set(targets.symbols) == {"BTC"} | {
            symbols[d] for d, is_in in expected.items() if is_in
        }


def test_the_registry_answers_for_the_venue(tmp_path: Path) -> None:
    """Ranked by what traded in the minutes that are kept."""
    store = FileStore(tmp_path / "market.duckdb")
    assert from_registry(store, ()).symbols == ()
    store.merge(HYPERLIQUID_ASSETS, assets(universe(*LISTED), NOW))
    assert from_registry(store, ("BTC", "OLD")).symbols == ("BTC",)
    assert set(from_registry(store, ()).dexs) == {"", "xyz"}
    assert empty(HYPERLIQUID_ASSETS).is_empty()


@given(st.integers(0, 10**11), st.sampled_from([0.1, 0.5, 1.0, 5.0, 7.0, 20.0, 60.0]))
def test_flushes_stand_on_a_grid_with_one_at_second_three(after_ms: int, interval: float) -> None:
    """So a minute's closed bars are on disk well within 8 s of its end."""
    now = EPOCH + timedelta(milliseconds=after_ms)
    due = next_flush(now, interval)
    assert timedelta(0) < due - now <= timedelta(seconds=interval + 0.01)
    third = now.replace(second=3, microsecond=0)
    if third <= now + timedelta(milliseconds=1):
        third += timedelta(minutes=1)
    assert due <= third + timedelta(milliseconds=1)


def test_the_default_grid() -> None:
    at = NOW.replace(second=58, microsecond=200_000)
    assert next_flush(at, 5.0) == NOW + timedelta(minutes=1, seconds=3)
    assert next_flush(NOW + timedelta(seconds=3), 5.0) == NOW + timedelta(seconds=8)
