"""Liquidity profiles: recorded values, each column by hand, and what a book does not show."""

from __future__ import annotations

import json
from datetime import timedelta

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from market_assets.features.liquidity import liquidity_profiles
from market_assets.frames import FrameError
from market_assets.tables import BOOK_LEVELS
from market_assets_tests.features.rows import NOW, book, context, contexts
from market_assets_tests.recordings import recordings

BIDS = [(99.95, 10.0), (99.92, 20.0), (99.89, 200.0)]
ASKS = [(100.05, 30.0), (100.09, 40.0), (100.2, 500.0)]
EMPTY = book([], [])
USDC = contexts(context(impact_bid_px=99.9, impact_ask_px=100.1))


def _row(
    fine: pl.DataFrame, coarse: pl.DataFrame = EMPTY, known: pl.DataFrame = USDC
) -> dict[str, object]:
    return liquidity_profiles(fine, [coarse], known, as_of=NOW).row(0, named=True)


def test_recorded_mid_spread_and_imbalance_are_met() -> None:
    """675 touches of a live session, each as a symbol of its own."""
    folder = recordings("hyperliquid")
    if folder is None:
        pytest.skip("no recordings on this machine")
    reference = pl.read_csv(folder / "reference_features_perp_core_live.csv").cast(pl.Float64)
    symbols = pl.Series("symbol", [f"{i:04d}" for i in range(reference.height)])
    fine = pl.concat(
        reference.select(
            symbols,
            side=pl.lit(side),
            level=pl.lit(0, pl.Int64),
            px=f"in_{side}_px",
            sz=f"in_{side}_sz",
            n=pl.lit(1, pl.Int64),
            book_at=pl.lit(NOW).cast(pl.Datetime("us", "UTC")),
        )
        for side in ("bid", "ask")
    )
    rows = liquidity_profiles(fine, [], USDC, as_of=NOW)
    assert rows.height == 675
    for ours, theirs in (
        ("mid", "ref_mid"),
        ("spread_bps", "ref_spread_bps"),
        ("imbalance_touch", "ref_book_imb"),
    ):
        expected = reference[theirs]
        assert ((rows[ours] - expected).abs() <= 1e-9 * expected.abs()).all(), ours


def test_each_column_by_hand() -> None:
    row = _row(book(BIDS, ASKS))
    assert (row["symbol"], row["as_of"]) == ("BTC", NOW)
    assert (row["best_bid"], row["best_ask"], row["mid"]) == (99.95, 100.05, 100.0)
    assert row["spread_bps"] == pytest.approx(10.0)
    bid_depth = 99.95 * 10 + 99.92 * 20
    ask_depth = 100.05 * 30 + 100.09 * 40
    assert row["bid_depth_10bps_usd"] == pytest.approx(bid_depth)
    assert row["ask_depth_10bps_usd"] == pytest.approx(ask_depth)
    expected = (bid_depth - ask_depth) / (bid_depth + ask_depth)
    assert row["imbalance_10bps"] == pytest.approx(expected)
    assert row["imbalance_touch"] == pytest.approx((10 - 30) / 40)
    assert row["bid_depth_50bps_usd"] is None
    assert row["ask_depth_50bps_usd"] is None
    bought = 30 + 40 + (10_000 - ask_depth) / 100.2
    assert row["buy_slippage_10k_bps"] == pytest.approx((10_000 / bought / 100 - 1) * 1e4)
    sold = 10 + 20 + (10_000 - bid_depth) / 99.89
    assert row["sell_slippage_10k_bps"] == pytest.approx((1 - 10_000 / sold / 100) * 1e4)
    assert row["impact_spread_bps"] == pytest.approx(20.0)
    assert row["bid_reach_bps"] == pytest.approx(11.0)
    assert row["ask_reach_bps"] == pytest.approx(20.0)
    assert row["volume_24h_usd"] == 50_000.0


def test_an_order_that_the_touch_fills_costs_half_the_spread() -> None:
    row = _row(book([(99.0, 1000.0)], [(101.0, 1000.0)]))
    assert row["buy_slippage_10k_bps"] == pytest.approx(100.0)
    assert row["sell_slippage_10k_bps"] == pytest.approx(100.0)


def test_a_book_that_is_too_thin_for_the_order_gives_no_slippage() -> None:
    row = _row(book([(99.95, 100.0), (99.9, 0.05)], [(100.05, 1000.0)]))
    assert row["sell_slippage_10k_bps"] is None, "9999.995 USD are bid"
    assert row["buy_slippage_10k_bps"] is not None
    just = _row(book([(100.0, 100.0)], [(100.1, 1000.0)]))
    assert just["sell_slippage_10k_bps"] == pytest.approx(0.05 / 100.05 * 1e4)


def test_a_band_is_read_from_the_coarse_book_where_the_fine_one_does_not_reach() -> None:
    coarse = book([(99.9, 50.0), (99.5, 90.0), (99.0, 7.0)], [(100.1, 60.0), (100.5, 80.0)])
    row = _row(book(BIDS[:2], ASKS[:2]), coarse)
    assert row["bid_depth_10bps_usd"] == pytest.approx(99.9 * 50)
    assert row["ask_depth_10bps_usd"] == pytest.approx(100.1 * 60)
    assert row["bid_depth_50bps_usd"] == pytest.approx(99.9 * 50 + 99.5 * 90)
    assert row["ask_depth_50bps_usd"] == pytest.approx(100.1 * 60 + 100.5 * 80)
    assert row["bid_reach_bps"] == pytest.approx(100.0)
    precise = _row(book(BIDS, ASKS), coarse)
    assert precise["bid_depth_10bps_usd"] == pytest.approx(99.95 * 10 + 99.92 * 20)


def test_each_band_is_read_from_the_finest_book_that_reaches_beyond_it() -> None:
    coarse = book([(99.9, 50.0), (99.8, 9.0)], [(100.1, 60.0), (100.2, 8.0)])
    coarser = book([(99.6, 90.0), (99.0, 7.0)], [(100.4, 80.0), (101.0, 6.0)])
    frame = liquidity_profiles(book(BIDS[:1], ASKS[:1]), [coarse, coarser], USDC, as_of=NOW)
    row = frame.row(0, named=True)
    assert row["bid_depth_10bps_usd"] == pytest.approx(99.9 * 50)
    assert row["ask_depth_10bps_usd"] == pytest.approx(100.1 * 60)
    assert row["bid_depth_50bps_usd"] == pytest.approx(99.6 * 90)
    assert row["ask_depth_50bps_usd"] == pytest.approx(100.4 * 80)
    assert (row["bid_reach_bps"], row["ask_reach_bps"]) == pytest.approx((100.0, 100.0))


def test_a_book_that_is_too_coarse_for_a_band_says_nothing_of_it() -> None:
    """Its first level may begin within the band and end beyond it: nothing there is no 0."""
    row = _row(book(BIDS[:1], ASKS[:1]), book([(99.0, 50.0)], [(101.0, 60.0)]))
    assert row["bid_depth_10bps_usd"] is None
    assert row["ask_depth_50bps_usd"] is None
    assert row["bid_reach_bps"] == pytest.approx(100.0)


def test_the_wide_band_is_never_shallower_than_the_narrow_one() -> None:
    """A coarse level counts by its outer edge: it can lack what the fine book shows."""
    fine = book([(99.95, 80.0), (99.8, 1.0)], [(100.05, 70.0), (100.2, 1.0)])
    coarse = book([(99.7, 5.0), (99.0, 1.0)], [(100.3, 6.0), (101.0, 1.0)])
    row = _row(fine, coarse)
    for side in ("bid", "ask"):
        assert row[f"{side}_depth_10bps_usd"] > 5000
        assert row[f"{side}_depth_50bps_usd"] == row[f"{side}_depth_10bps_usd"]


def test_a_band_is_never_read_from_two_books() -> None:
    """Its sides would not compare: the asks of the fine book do not reach 10 bps."""
    coarse = book([(99.9, 50.0)], [(100.1, 60.0)])
    row = _row(book(BIDS, ASKS[:2]), coarse)
    assert row["bid_depth_10bps_usd"] == pytest.approx(99.9 * 50)


def test_a_side_that_does_not_reach_is_null_and_so_is_the_imbalance() -> None:
    row = _row(book(BIDS, ASKS[:2]), book(BIDS, ASKS[:2]))
    assert row["bid_depth_10bps_usd"] is not None
    assert row["ask_depth_10bps_usd"] is None
    assert row["imbalance_10bps"] is None


def test_a_level_on_the_bound_is_in_the_band_and_shows_all_of_it() -> None:
    row = _row(book([(99.95, 1.0), (99.9, 2.0)], [(100.05, 1.0), (100.1, 2.0)]))
    assert row["bid_depth_10bps_usd"] == pytest.approx(99.95 + 2 * 99.9)


@pytest.mark.parametrize("best_ask", [99.95, 99.9])
def test_a_crossed_or_locked_book_shows_its_touch_and_nothing_else(best_ask: float) -> None:
    row = _row(book(BIDS, [(best_ask, 1.0), *ASKS]), book(BIDS, ASKS))
    assert (row["best_bid"], row["best_ask"]) == (99.95, best_ask)
    of_the_book = [
        name
        for name in row
        if name.startswith(("mid", "spread", "bid_", "ask_", "imbalance", "buy_", "sell_"))
    ]
    assert len(of_the_book) == 12
    assert {row[name] for name in of_the_book} == {None}


def test_a_book_with_one_side_has_that_side() -> None:
    row = _row(book([], ASKS))
    assert (row["best_bid"], row["best_ask"], row["mid"]) == (None, 100.05, None)
    assert row["ask_depth_10bps_usd"] is None
    assert row["buy_slippage_10k_bps"] is None
    assert row["imbalance_touch"] is None


def test_an_empty_book_has_no_row() -> None:
    assert liquidity_profiles(EMPTY, [book(BIDS, ASKS)], USDC, as_of=NOW).is_empty()


@pytest.mark.parametrize("quote", ["USDH", None])
def test_without_a_price_of_the_quote_token_there_are_no_dollars(quote: str | None) -> None:
    known = contexts(context(quote_token=quote, quote_usd=None, volume_24h_usd=None))
    row = _row(book(BIDS, ASKS), known=known)
    usd = [name for name in row if "usd" in name or "10k" in name]
    assert len(usd) == 7
    assert {row[name] for name in usd} == {None}
    assert row["imbalance_10bps"] is not None
    assert row["spread_bps"] == pytest.approx(10.0)


def test_amounts_are_in_dollars_by_the_price_of_the_quote_token() -> None:
    """At half a dollar, depth is worth half, and an order of 10,000 USD takes 20,000 tokens."""
    half = contexts(context(quote_token="USDX", quote_usd=0.5))
    dollar, other = _row(book(BIDS, ASKS)), _row(book(BIDS, ASKS), known=half)
    assert other["bid_depth_10bps_usd"] == pytest.approx(dollar["bid_depth_10bps_usd"] / 2)
    assert other["imbalance_10bps"] == dollar["imbalance_10bps"]
    levels = [(100.0, 150.0), (99.0, 1000.0)], [(101.0, 150.0), (102.0, 1000.0)]
    dear, cheap = _row(book(*levels)), _row(book(*levels), known=half)
    mid = 100.5
    assert dear["buy_slippage_10k_bps"] == pytest.approx(1e4 * (101 / mid - 1))
    base = 150 + (20_000 - 150 * 101) / 102
    assert cheap["buy_slippage_10k_bps"] == pytest.approx(1e4 * (20_000 / base / mid - 1))


def test_a_context_of_long_before_says_nothing_of_the_book() -> None:
    """Neither what its token is worth, nor impact prices: its dex has been silent since."""
    old = contexts(context(at=NOW - timedelta(minutes=11), impact_bid_px=99.9, impact_ask_px=100.1))
    row = _row(book(BIDS, ASKS), known=old)
    assert row["mid"] is not None
    for name in ("bid_depth_10bps_usd", "impact_spread_bps", "volume_24h_usd"):
        assert row[name] is None


def test_impact_prices_that_are_missing_or_crossed_give_no_spread() -> None:
    for bid, ask in ((None, None), (99.9, None), (100.1, 99.9)):
        known = contexts(context(impact_bid_px=bid, impact_ask_px=ask))
        assert _row(book(BIDS, ASKS), known=known)["impact_spread_bps"] is None


def test_as_of_is_the_instant_of_the_book_and_of_the_later_one_of_two() -> None:
    fine = book(BIDS, ASKS, at=NOW - timedelta(seconds=20))
    coarse = book(BIDS, ASKS, at=NOW - timedelta(seconds=10))
    assert _row(fine)["as_of"] == NOW - timedelta(seconds=20)
    assert _row(fine, coarse)["as_of"] == NOW - timedelta(seconds=10)
    older = book(BIDS, ASKS, at=NOW - timedelta(seconds=40))
    assert _row(fine, older)["as_of"] == NOW - timedelta(seconds=20)


def test_books_of_different_times_are_not_read_together() -> None:
    deep = [(99.6, 1.0), (99.0, 1.0)], [(100.4, 1.0), (101.0, 1.0)]
    fine = book(BIDS, ASKS, at=NOW)
    near = book(*deep, at=NOW - timedelta(seconds=30))
    far = book(*deep, at=NOW - timedelta(seconds=31))
    assert _row(fine, near)["bid_depth_50bps_usd"] is not None
    assert _row(fine, far)["bid_depth_50bps_usd"] is None


def test_later_books_and_contexts_are_not_used_and_the_latest_of_several_is() -> None:
    fine = pl.concat(
        [
            book(BIDS, ASKS, at=NOW - timedelta(minutes=1)),
            book([(50.0, 1.0)], [(51.0, 1.0)], at=NOW - timedelta(minutes=2)),
            book([(70.0, 1.0)], [(71.0, 1.0)], at=NOW + timedelta(minutes=1)),
        ]
    )
    known = contexts(
        context(at=NOW - timedelta(minutes=5), volume_24h_usd=1.0),
        context(at=NOW - timedelta(seconds=30), volume_24h_usd=2.0),
    )
    row = _row(fine, known=known)
    assert row["mid"] == 100.0
    assert row["volume_24h_usd"] == 1.0, "the second context is later than the book"


def test_delisted_assets_are_left_out_and_unknown_ones_are_not() -> None:
    fine = pl.concat([book(BIDS, ASKS, symbol=symbol) for symbol in ("OLD", "NEW", "BTC")])
    known = contexts(context("OLD", is_delisted=True), context("BTC"))
    rows = liquidity_profiles(fine, [], known, as_of=NOW)
    assert rows.select("symbol", "volume_24h_usd").rows() == [("BTC", 50_000.0), ("NEW", None)]


def test_levels_of_another_shape_are_an_error() -> None:
    with pytest.raises(FrameError, match="book_levels: missing columns"):
        liquidity_profiles(EMPTY.drop("px"), [EMPTY], USDC, as_of=NOW)


def test_a_recorded_book_is_walked_as_by_hand() -> None:
    """20 levels of BTC at full precision: they reach 2 bps, so no band is known."""
    folder = recordings("hyperliquid")
    if folder is None:
        pytest.skip("no recordings on this machine")
    recorded = json.loads((folder / "rest_l2Book_BTC_20250826.json").read_bytes())
    bids, asks = (
        [(float(level["px"]), float(level["sz"])) for level in side] for side in recorded["levels"]
    )
    row = _row(book(bids, asks))
    mid = (bids[0][0] + asks[0][0]) / 2
    for side, sign, name in ((asks, 1, "buy"), (bids, -1, "sell")):
        left, base = 10_000.0, 0.0
        for px, sz in side:
            take = min(left, px * sz)
            base, left = base + take / px, left - take
        assert left == 0
        expected = sign * (10_000 / base / mid - 1) * 1e4
        assert row[f"{name}_slippage_10k_bps"] == pytest.approx(expected, rel=1e-9)
    assert row["bid_depth_10bps_usd"] is None
    assert 1 < float(str(row["bid_reach_bps"])) < 3


LEVELS = st.lists(st.tuples(st.integers(1, 60), st.integers(1, 400)), min_size=1, max_size=20)


@settings(deadline=None)
@given(LEVELS, LEVELS)
def test_a_larger_order_never_costs_less_and_figures_stay_in_their_range(
    bid_gaps: list[tuple[int, int]], ask_gaps: list[tuple[int, int]]
) -> None:
    """For any book that is not crossed."""
    sides = []
    for sign, gaps in ((-1, bid_gaps), (1, ask_gaps)):
        px, levels = 100.0, []
        for gap, size in gaps:
            px += sign * gap / 100
            levels.append((px, float(size)))
        sides.append(levels)
    row = _row(book(*sides))
    spread, imbalance = row["spread_bps"], row["imbalance_10bps"]
    assert isinstance(spread, float)
    assert spread > 0
    for name in ("buy_slippage_10k_bps", "sell_slippage_10k_bps"):
        cost = row[name]
        assert cost is None or (isinstance(cost, float) and cost >= spread / 2 - 1e-9)
    assert imbalance is None or (isinstance(imbalance, float) and -1 <= imbalance <= 1)
    for side in ("bid", "ask"):
        ten, fifty = row[f"{side}_depth_10bps_usd"], row[f"{side}_depth_50bps_usd"]
        if isinstance(ten, float) and isinstance(fifty, float):
            assert 0 <= ten <= fifty


def test_book_levels_are_handed_over_and_not_stored() -> None:
    from market_assets.tables import TABLES  # noqa: PLC0415 - only this test needs them

    assert BOOK_LEVELS not in TABLES
