"""DefiLlama's own payloads, recorded: right rows come of them. Values are checked by hand."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest

from market_assets.features.daily_windows import changes, sums
from market_assets.sources.defillama import frames, series, wire
from market_assets.sources.defillama.frames import SeriesKey
from market_assets.sources.defillama.subjects import protocol_subjects
from market_assets_tests.recordings import recordings

if TYPE_CHECKING:
    from pathlib import Path

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
MAY_12 = date(2025, 5, 12)
MAY_23 = date(2025, 5, 23)


@pytest.fixture(scope="module")
def folder() -> Path:
    found = recordings("defillama")
    if found is None:
        pytest.skip("no recordings beside this repository")
    return found


def samples(folder: Path) -> dict[str, Any]:
    """One answer, or one row, of each route, by route."""
    lines = (folder / "jakubpluta-llama-samples-1.jsonl").read_text("utf-8").splitlines()
    return {row["endpoint"]: row["value"] for row in map(json.loads, lines)}


def days_of(subject_id: str, metric: str, read: series.Series, last: date) -> pl.DataFrame:
    return frames.daily_history({SeriesKey(subject_id, metric): read}, last, NOW)


def test_a_protocol_on_one_chain(folder: Path) -> None:
    """HLP of 2025-05-12: its last point is off the grid, today's is the running day's."""
    body = (folder / "jimboevans-llama-protocol-1.json").read_bytes()
    read = series.read_protocol_tvl(body, MAY_12)
    assert read.days[0] == (date(2024, 12, 1), 158295217.03339)
    assert read.running == (MAY_12, 260969008.46851)
    assert read.days[-1][0] == date(2025, 5, 11)
    assert read.dropped == 1
    assert 263522404.96498 not in [usd for _, usd in read.days]


def test_a_protocol_on_five_chains(folder: Path) -> None:
    """Upshift: the protocol's own series, not one of its chains', nor their sum of sections."""
    body = (folder / "jimboevans-llama-protocol-multichain-1.json").read_bytes()
    read = series.read_protocol_tvl(body, MAY_12)
    assert read.days[0] == (date(2024, 12, 4), 74254711.36196)
    assert read.running == (MAY_12, 263036482.25187)
    assert len(read.days) == 159


def test_its_flows(folder: Path) -> None:
    """Felix: change over one and seven complete days, from the recorded points."""
    body = (folder / "jimboevans-llama-protocol-2.json").read_bytes()
    read = series.read_protocol_tvl(body, MAY_12)
    by_day = dict(read.days)
    last = date(2025, 5, 11)
    (row,) = changes(days_of("protocol:felix", "tvl", read, last), last).rows(named=True)
    assert row["change_1d_usd"] == pytest.approx(by_day[last] - by_day[date(2025, 5, 10)])
    assert row["change_7d_usd"] == pytest.approx(by_day[last] - by_day[date(2025, 5, 4)])
    assert row["change_30d_usd"] == pytest.approx(by_day[last] - 50303410.71705)
    assert row["change_30d_pct"] == pytest.approx((by_day[last] / 50303410.71705 - 1) * 100)


@pytest.mark.parametrize(
    ("file", "last", "day_usd", "week_usd"),
    [
        ("jimboevans-llama-summary-fees-chain-2.json", MAY_23, 15059, 102138),
        ("jimboevans-llama-summary-fees-parent-1.json", MAY_23, 3872157, 21351207),
        ("jimboevans-llama-summary-revenue-parent-1.json", MAY_23, 3601106, 19856623),
        ("jimboevans-llama-summary-fees-zero-1.json", MAY_23, 0, 5),
        ("jimboevans-llama-summary-dexs-1.json", date(2025, 5, 11), 203456685, 1187997916),
        ("jimboevans-llama-summary-dexs-2.json", date(2025, 5, 11), 115821706, 969201333),
    ],
    ids=["chain", "fees", "revenue", "zero", "volume", "launchpad"],
)
def test_sums_agree_with_the_venues_own(
    folder: Path, file: str, last: date, day_usd: float, week_usd: float
) -> None:
    """Series that end on a complete day: our sums of days are `total24h` and `total7d`."""
    body = (folder / file).read_bytes()
    said = json.loads(body)
    assert (said["total24h"], said["total7d"]) == (day_usd, week_usd)
    read = series.read_chart(body, last + timedelta(days=1))
    (row,) = sums(days_of("protocol:x", "fees", read, last), last).rows(named=True)
    assert row["sum_24h_usd"] == day_usd
    assert row["sum_7d_usd"] == pytest.approx(week_usd, abs=3)  # the venue rounds each day
    assert row["sum_30d_usd"] == pytest.approx(sum(usd for _, usd in read.days[-30:]))


def test_the_last_point_is_not_counted_while_its_day_runs(folder: Path) -> None:
    """The same recording, read on its last day."""
    body = (folder / "jimboevans-llama-summary-fees-chain-2.json").read_bytes()
    read = series.read_chart(body, MAY_23)
    assert read.running == (MAY_23, 15059.0)
    yesterday = date(2025, 5, 22)
    (row,) = sums(days_of("chain:ton", "fees", read, yesterday), yesterday).rows(named=True)
    assert row["sum_24h_usd"] == 13714


def test_protocols(folder: Path) -> None:
    """Names of 2025 (Binance, xDai) become one name; a chain of value 0 is 0, not NULL."""
    listed = wire.read_protocols((folder / "paulapivat-llama-protocols-1.json").read_bytes())
    assert (dict(listed.rejected), dict(listed.faults)) == ({}, {})
    assert len(listed.items) == 7
    uniswap = listed.items[0]
    assert uniswap.tvl_usd == 2890659515.6545367
    assert uniswap.tvl_by_chain["xDai"] == 22857974.05353707
    assert listed.items[1].tvl_by_chain["Celo"] == 0.0
    subjects, _ = protocol_subjects(listed.items)
    assert subjects[0].subject_id == "protocol:uniswap-v3"
    assert subjects[0].hyperliquid_symbol == "UNI"
    assert {"BSC", "OP Mainnet", "Gnosis", "Rootstock"} <= set(subjects[0].chains or ())


def test_samples_of_2024(folder: Path) -> None:
    """An exchange, a chain with text for a number, euros in dollars, the string "None"."""
    found = samples(folder)
    (exchange,) = wire.read_protocols(json.dumps([found["GET /protocols [0]"]]).encode()).items
    assert exchange.category == "CEX"
    assert protocol_subjects([exchange]) == ([], {})
    (chain,) = wire.read_chains(json.dumps([found["GET /v2/chains [0]"]]).encode()).items
    assert (chain.name, chain.gecko_id, chain.tvl_usd) == ("Harmony", "harmony", 4342729.138696362)
    pegs = json.dumps([found["GET stablecoins /stablecoinchains [0]"]]).encode()
    (stablecoins,) = wire.read_stablecoin_chains(pegs).items
    assert stablecoins.total_usd == pytest.approx(
        609658085.590443 + 1195711.7665694586 + 46327.625434798625 + 0.683455
    )
    dexs = wire.read_overview(json.dumps(found["GET /overview/dexs/osmosis"]).encode())
    (osmosis,) = dexs.turnovers.items
    assert (osmosis.llama_id, osmosis.slug) == ("383", "")
    assert osmosis.total_7d == 334952155.6249361
    assert wire.read_overview(json.dumps(found["GET /overview/fees"]).encode()).chains == ()


def test_series_of_2024(folder: Path) -> None:
    """A date as text, and dollars over two pegs."""
    found = samples(folder)
    points = [found["GET stablecoins /stablecoincharts/ethereum [0]"]]
    read = series.read_stablecoins(json.dumps(points).encode(), MAY_12)
    assert read.days == ((date(2020, 12, 31), pytest.approx(19559297838.5 + 4068063.32)),)
    points = [found["GET /v2/historicalChainTvl/karura [0]"]]
    read = series.read_chain_tvl(json.dumps(points).encode(), MAY_12)
    assert read.days == ((date(2021, 8, 11), 43936159.24741249),)
