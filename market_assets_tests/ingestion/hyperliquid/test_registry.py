"""The registry: what is listed, what is missed, what is unlisted and comes back."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from market_assets.checks.rules import broken_by, rules
from market_assets.clock import ManualClock
from market_assets.ingestion.hyperliquid.registry import RegistryRead, refresh_registry
from market_assets.sources.hyperliquid.model import DEXS, SPOT, Listing, Universe
from market_assets.storage.files.store import FileStore
from market_assets.streams.hyperliquid.targets import from_registry

NOW = datetime(2026, 11, 20, 12, 7, tzinfo=UTC)
SHRANK = next(rule for rule in rules() if rule.name == "registry_did_not_shrink")
FIRST = [f"A{n}" for n in range(12)]
BUILT = [f"xyz:B{n}" for n in range(12)]
PAIRS = ["@1", "@2"]
EVERYTHING = (*FIRST, *BUILT, *PAIRS)


class Exchange:
    """Lists these symbols; `failures`, `rejected` and `dexs` as in its answer."""

    def __init__(self) -> None:
        self.symbols: tuple[str, ...] = EVERYTHING
        self.failures: dict[str, str] = {}
        self.rejected: dict[str, str] = {}
        self.dexs: tuple[str, ...] = ("", "xyz")

    def universe(self) -> Universe:
        return Universe(
            tuple(_listing(symbol) for symbol in self.symbols),
            self.failures,
            self.rejected,
            self.dexs,
        )


def _listing(symbol: str) -> Listing:
    spot = symbol.startswith("@")
    dex = symbol.partition(":")[0] if ":" in symbol else ""
    return Listing(
        symbol, "spot" if spot else "perp", dex, symbol, 2, 5, False, False, 1.0, 1.0
    )  # fmt: skip


@pytest.fixture
def store(tmp_path: Path) -> FileStore:
    return FileStore(tmp_path / "market.duckdb")


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW)


@pytest.fixture
def exchange() -> Exchange:
    return Exchange()


Refresh = Callable[[], RegistryRead]


@pytest.fixture
def refresh(exchange: Exchange, store: FileStore, clock: ManualClock) -> Refresh:
    """One hourly refresh; the first has happened."""

    def one() -> RegistryRead:
        clock.advance(3600)
        return refresh_registry(exchange, store, clock=clock)  # type: ignore[arg-type]

    one()
    return one


def listed(store: FileStore) -> set[str]:
    return set(store.read("select symbol from hyperliquid_assets where is_listed")["symbol"])


def shrunk(store: FileStore, clock: ManualClock) -> list[str]:
    return broken_by(store, SHRANK, clock.now())["dex"].to_list()


def test_a_dex_that_is_gone_is_told_once_and_unlisted(
    exchange: Exchange, refresh: Refresh, store: FileStore, clock: ManualClock
) -> None:
    """Its assets keep their rows, and neither trade nor are streamed; all comes back with it."""
    exchange.symbols, exchange.dexs = (*FIRST, *PAIRS), ("",)
    assert refresh().unlisted == ()
    assert shrunk(store, clock) == ["xyz"]
    refresh()
    assert shrunk(store, clock) == []
    assert listed(store) == set(EVERYTHING)
    assert refresh().unlisted == tuple(sorted(BUILT))
    assert listed(store) == {*FIRST, *PAIRS}
    rows = store.read("select is_delisted, last_listed_at from hyperliquid_assets where dex <> ''")
    assert set(rows.rows()) == {(True, NOW.replace(hour=13))}
    assert from_registry(store, ()).dexs == ("",)
    assert refresh().missing == (), "what is unlisted is missed no more"
    assert shrunk(store, clock) == []
    exchange.symbols, exchange.dexs = EVERYTHING, ("", "xyz")
    refresh()
    assert listed(store) == set(EVERYTHING)
    assert store.read("select count(*) from hyperliquid_assets where is_delisted").item() == 0


def test_a_single_asset_that_is_gone_is_unlisted_without_a_word(
    exchange: Exchange, refresh: Refresh, store: FileStore, clock: ManualClock
) -> None:
    exchange.symbols = tuple(symbol for symbol in EVERYTHING if symbol != "A3")
    for _ in range(3):
        refresh()
        assert shrunk(store, clock) == []
    assert listed(store) == set(EVERYTHING) - {"A3"}


def test_an_outage_that_comes_and_goes_unlists_nothing(
    exchange: Exchange, refresh: Refresh, store: FileStore
) -> None:
    """Misses count in a row only."""
    for _ in range(4):
        exchange.symbols = (*FIRST, *PAIRS)
        refresh()
        refresh()
        exchange.symbols = EVERYTHING
        refresh()
    assert listed(store) == set(EVERYTHING)


@pytest.mark.parametrize(
    ("failures", "rejected"),
    [({"xyz": "502"}, {}), ({DEXS: "502"}, {}), ({}, {"xyz[3]": "no name"})],
)
def test_what_could_not_be_read_is_not_gone(
    failures: dict[str, str],
    rejected: dict[str, str],
    exchange: Exchange,
    refresh: Refresh,
    store: FileStore,
) -> None:
    exchange.symbols, exchange.failures, exchange.rejected = (*FIRST, *PAIRS), failures, rejected
    for _ in range(30):
        assert refresh().missing == ()
    assert listed(store) == set(EVERYTHING)


def test_an_entry_that_makes_no_sense_is_not_gone(
    exchange: Exchange, refresh: Refresh, store: FileStore
) -> None:
    """It is there, under its name; spot pairs are judged by the list of spot."""
    exchange.symbols = (*FIRST[1:], *BUILT)
    exchange.rejected, exchange.failures = {"A0": "szDecimals -1"}, {SPOT: "502"}
    for _ in range(30):
        refresh()
    assert listed(store) == set(EVERYTHING)


def test_a_dex_that_says_nothing_is_asked_for_a_day(
    exchange: Exchange, refresh: Refresh, store: FileStore
) -> None:
    """It is still among the dexs, and its list is empty: more often an outage than the end."""
    exchange.symbols = (*FIRST, *PAIRS)
    for _ in range(24):
        refresh()
        assert listed(store) == set(EVERYTHING)
    refresh()
    assert listed(store) == {*FIRST, *PAIRS}


def test_a_list_of_dexs_that_is_cut_is_not_believed_for_a_day(
    exchange: Exchange, refresh: Refresh
) -> None:
    """Half of the builder dexs do not go at once; one of them may."""
    of_dexs = {dex: [f"{dex}:B{n}" for n in range(4)] for dex in ("abc", "flx", "km", "vntl")}
    exchange.symbols = (*EVERYTHING, *(one for some in of_dexs.values() for one in some))
    exchange.dexs = ("", "xyz", *of_dexs)
    refresh()
    exchange.symbols, exchange.dexs = EVERYTHING, ("", "xyz")
    for _ in range(24):
        assert refresh().unlisted == ()
    assert len(refresh().unlisted) == 16

    exchange.symbols = (*EVERYTHING, *of_dexs["abc"], *of_dexs["flx"])
    exchange.dexs = ("", "xyz", "abc", "flx")
    refresh()
    exchange.symbols, exchange.dexs = (*EVERYTHING, *of_dexs["abc"]), ("", "xyz", "abc")
    assert [len(refresh().unlisted) for _ in range(3)] == [0, 0, 4]
