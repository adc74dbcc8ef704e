"""The tracked universe: which open markets are followed closely, and why each of them is."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import polars as pl

from market_assets.frames import conform
from market_assets.ingestion.polymarket.market_rows import market_rows
from market_assets.ingestion.queries import query
from market_assets.ingestion.silence import refuse_silence
from market_assets.sources.errors import VenueError
from market_assets.sources.polymarket.host import VENUE
from market_assets.storage.common.changes import Merge, Written
from market_assets.tables import POLYMARKET_MARKETS, POLYMARKET_TRACKED_UNIVERSE

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from datetime import datetime

    from market_assets.clock import Clock
    from market_assets.sources.polymarket.data_api import DataClient
    from market_assets.sources.polymarket.gamma import GammaClient
    from market_assets.storage.api import Store
    from market_assets.storage.common.runs import IngestionRun

_CANDIDATES: Final = 2000
"""Markets whose open interest is asked for at most, besides those that pass without it: 34
requests. An event's open interest bounds that of its markets, so few others could pass."""


_LAST_OPEN_INTEREST: Final = """
select condition_id, open_interest_usd
from polymarket_tracked_universe
where open_interest_usd is not null
"""


@dataclass(frozen=True)
class UniverseRules:
    """What is tracked.

    Attributes:
        size: markets at most, manual ones aside.
        liquidity_usd: an open market with this much liquidity qualifies.
        volume_24h_usd: or with this much volume within 24 hours.
        open_interest_usd: or with this much open interest.
        manual: condition ids that are tracked whatever their figures.
    """

    size: int
    liquidity_usd: float
    volume_24h_usd: float
    open_interest_usd: float
    manual: tuple[str, ...] = ()


@dataclass
class UniverseChosen:
    """What a run chose.

    Attributes:
        written: what was written.
        frame: the universe.
        candidates: open markets that were looked at.
        qualified: those of them that pass one of the thresholds, cap aside.
        unknown: manual condition ids that the venue does not know.
        open_interest_error: why open interest could not be read; None if it could.
    """

    written: Written
    frame: pl.DataFrame
    candidates: int
    qualified: int
    unknown: list[str] = field(default_factory=list)
    open_interest_error: str | None = None


def choose_universe(
    gamma: GammaClient,
    data: DataClient,
    store: Store,
    *,
    rules: UniverseRules,
    clock: Clock,
    run: IngestionRun | None = None,
) -> UniverseChosen:
    """Choose among the open markets of the catalogue, and write the universe anew.

    Where open interest cannot be had (its route is down), that of the last choice counts: a market
    that is in by it stays in. One without any is judged by the other two figures.

    Raises:
        VenueError: a manual market is not in the catalogue and could not be looked up.
    """
    _look_up(gamma, store, rules.manual, clock)
    params = {
        "open_interest_usd": rules.open_interest_usd,
        "most": _CANDIDATES,
        "liquidity_usd": rules.liquidity_usd,
        "volume_24h_usd": rules.volume_24h_usd,
        "manual": list(rules.manual),
    }
    candidates = store.read(query("polymarket", "universe_candidates"), params)
    values: Mapping[str, float] = {}
    error = None
    try:
        if candidates.height:
            values = data.open_interest(candidates["condition_id"].to_list()).values
            refuse_silence(VENUE, "/oi", known=candidates.height, answered=len(values))
    except VenueError as failure:
        error = str(failure)
        if run is not None:
            run.left_out = {"open interest": error}
    held = pl.DataFrame(
        {"condition_id": list(values), "open_interest_usd": list(values.values())},
        schema={"condition_id": pl.String, "open_interest_usd": pl.Float64},
    )
    if error is not None:
        held = store.read(_LAST_OPEN_INTEREST)
    ranked = rank(candidates.join(held, on="condition_id", how="left"), rules)
    frame = universe(ranked, rules, clock.now())
    return UniverseChosen(
        written=store.replace(POLYMARKET_TRACKED_UNIVERSE, frame, run=run),
        frame=frame,
        candidates=candidates.height,
        qualified=ranked.height,
        unknown=sorted(set(rules.manual) - set(candidates["condition_id"].to_list())),
        open_interest_error=error,
    )


def rank(candidates: pl.DataFrame, rules: UniverseRules) -> pl.DataFrame:
    """Markets that are manual or pass a threshold, best first, each with its reason.

    A market is as good as the figure by which it surpasses its threshold the most, and that figure
    is its reason; manual ones come first.

    Args:
        candidates: condition_id, token_ids, liquidity_usd, volume_24h_usd, open_interest_usd.
        rules: the thresholds.
    """
    thresholds = {
        "liquidity": ("liquidity_usd", rules.liquidity_usd),
        "volume": ("volume_24h_usd", rules.volume_24h_usd),
        "open_interest": ("open_interest_usd", rules.open_interest_usd),
    }
    by_reason = {
        reason: (pl.col(column) / max(threshold, 1.0)).fill_null(0.0)
        for reason, (column, threshold) in thresholds.items()
    }
    passes = pl.any_horizontal(
        (pl.col(column) >= threshold).fill_null(value=False)
        for column, threshold in thresholds.values()
    )
    is_manual = pl.col("condition_id").is_in(list(rules.manual))
    best = pl.concat_list(*by_reason.values()).list
    reason = best.arg_max().replace_strict(dict(enumerate(by_reason)), return_dtype=pl.String)
    return (
        candidates.filter(is_manual | passes)
        .with_columns(
            score=best.max(),
            is_manual=is_manual,
            reason=pl.when(is_manual).then(pl.lit("manual")).otherwise(reason),
        )
        .sort("is_manual", "score", "condition_id", descending=[True, True, False])
    )


def universe(ranked: pl.DataFrame, rules: UniverseRules, now: datetime) -> pl.DataFrame:
    """Rows of `polymarket_tracked_universe`: the manual markets, and the best others.

    Args:
        ranked: as `rank` gives them.
        rules: the cap.
        now: when they were chosen.
    """
    chosen = pl.concat(
        [ranked.filter("is_manual"), ranked.filter(~pl.col("is_manual")).head(rules.size)]
    )
    frame = chosen.with_columns(
        rank=pl.int_range(1, pl.len() + 1, dtype=pl.Int64),
        selected_at=pl.lit(now, pl.Datetime("us", "UTC")),
    )
    return conform(
        POLYMARKET_TRACKED_UNIVERSE, frame.select(POLYMARKET_TRACKED_UNIVERSE.column_names)
    )


def _look_up(gamma: GammaClient, store: Store, manual: Collection[str], clock: Clock) -> None:
    """Bring manual markets into the catalogue that it does not have: closed or hidden ones."""
    if not manual:
        return
    known = store.read(
        "select condition_id from polymarket_markets where condition_id in (select unnest($ids))",
        {"ids": list(manual)},
    )
    missing = sorted(set(manual) - set(known["condition_id"].to_list()))
    if missing:
        markets = gamma.markets(missing).markets
        store.write(Merge(POLYMARKET_MARKETS, market_rows(store, markets, clock.now())))
