"""DefiLlama's assets: which chains and protocols there are, the capital behind them, what it does.

Series are read after 00:30 UTC, those of flows again after 06:30 (`ingestion/defillama/plan.py`):
whichever asset comes first reads what is due, within its time, and the others find it stored.
"""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

import dagster as dg

from market_assets import tables
from market_assets.clock import SystemClock
from market_assets.defs.expected import fails_in_a_line
from market_assets.defs.hyperliquid import hyperliquid_assets
from market_assets.defs.options import (
    as_markdown,
    asset_options,
    count_rows,
    preview,
    requests_made,
    some,
    written_result,
)
from market_assets.defs.publishing import publishes
from market_assets.defs.runs import Market, ingestion_run, parts_left_out
from market_assets.settings import Settings

if TYPE_CHECKING:
    from market_assets.ingestion.defillama.accounting import Done
    from market_assets.ingestion.defillama.subjects import Tracked
    from market_assets.storage.api import Store

Lists = dg.ResourceParam[Any]
"""A `Catalogue`: importing it here would be paid for by every run of every other source."""
Configured = dg.ResourceParam[Settings]
Results = Iterator[dg.AssetCheckResult | dg.MaterializeResult[None]]

_KINDS: Final = {"http", "duckdb"}
_POOL: Final = "defillama"
_WITHIN: Final = timedelta(minutes=2)
"""How long an hourly asset reads series; on most hours there is none to read."""
_WHOLE: Final = "every_subject_was_read"


def options_with_check(name: str, *, pool: str = _POOL) -> dict[str, Any]:
    """The asset's options, and the check that its run answers itself."""
    return {
        **asset_options(name, kinds=_KINDS, pool=pool),
        "check_specs": [
            dg.AssetCheckSpec(
                _WHOLE,
                asset=name,
                description="No tracked subject failed; those that did are named.",
            )
        ],
    }


@dg.asset(
    **asset_options("defillama_subjects", kinds=_KINDS, pool=_POOL),
    deps=[hyperliquid_assets],
)
@fails_in_a_line
@publishes
def defillama_subjects(
    context: dg.AssetExecutionContext, settings: Configured, defillama: Lists, store: Market
) -> dg.MaterializeResult[None]:
    """One row per chain or protocol that DefiLlama lists or has listed; no exchanges.

    `/v2/chains` and `/protocols`, hourly, with the Hyperliquid symbol that each belongs to (by
    CoinGecko's identifier and a list kept by hand). Tracked are those with a symbol, the first 100
    chains and protocols by value locked, and what the settings add.
    """
    from market_assets.ingestion.defillama.subjects import (  # noqa: PLC0415 - only its runs pay
        Selection,
        refresh,
    )

    chosen = settings.defillama
    done = refresh(
        defillama,
        store,
        Selection(chosen.top_chains, chosen.top_protocols, chosen.track, chosen.untrack),
        now=SystemClock().now(),
        run=ingestion_run(context, "subjects"),
    )
    rows = store.read(
        "select name, kind, category, hyperliquid_symbol, tvl_usd from defillama_subjects"
        " where is_tracked order by tvl_usd desc nulls last limit 8"
    )
    return written_result(
        *done.written,
        row_count=count_rows(store, tables.DEFILLAMA_SUBJECTS),
        left_out=some(done.left_out),
        **done.figures,
        **requests_made(defillama.client),
        preview=preview(rows, rows.columns),
    )


@dg.asset(**options_with_check("defillama_capital_base"), deps=[defillama_subjects])
@fails_in_a_line
@publishes
def defillama_capital_base(
    context: dg.AssetExecutionContext, settings: Configured, defillama: Lists, store: Market
) -> Results:
    """One row per tracked subject and hour: value locked, stablecoins, market value, share.

    `/v2/chains`, `/protocols`, `/stablecoinchains`, `/overview/open-interest`, hourly. Stocks:
    value locked and stablecoins overlap and are not added.
    """
    from market_assets.ingestion.defillama.base import refresh_base  # noqa: PLC0415 - as above

    run = ingestion_run(context, "capital_base")
    done = refresh_base(defillama, store, tracked_subjects(store), clock=SystemClock(), run=run)
    yield from results_of(
        done,
        tables.DEFILLAMA_CAPITAL_BASE,
        "select subject_id, tvl_usd, tvl_share_pct, stablecoin_mcap_usd, market_cap_usd from"
        " defillama_capital_base order by as_of desc, tvl_usd desc nulls last limit 8",
        parts=parts_left_out(context, run),
        settings=settings,
        store=store,
        lists=defillama,
    )


@dg.asset(**options_with_check("defillama_capital_flows"), deps=[defillama_subjects])
@fails_in_a_line
@publishes
def defillama_capital_flows(
    context: dg.AssetExecutionContext, settings: Configured, defillama: Lists, store: Market
) -> Results:
    """One row per tracked subject and hour: change of value locked and of stablecoins.

    Over 1, 7 and 30 complete UTC days, from daily series; hourly. NULL where a day is not known.
    """
    from market_assets.ingestion.defillama.flows import refresh_flows  # noqa: PLC0415 - as above

    done = refresh_flows(
        defillama,
        store,
        tracked_subjects(store),
        within=_WITHIN,
        clock=SystemClock(),
        run=ingestion_run(context, "capital_flows"),
    )
    yield from results_of(
        done,
        tables.DEFILLAMA_CAPITAL_FLOWS,
        "select subject_id, tvl_change_1d_usd, tvl_change_7d_pct, stablecoin_change_7d_usd from"
        " defillama_capital_flows order by as_of desc, abs(tvl_change_1d_usd) desc nulls last"
        " limit 8",
        settings=settings,
        store=store,
        lists=defillama,
    )


@dg.asset(**options_with_check("defillama_economic_throughput"), deps=[defillama_subjects])
@fails_in_a_line
@publishes
def defillama_economic_throughput(
    context: dg.AssetExecutionContext, settings: Configured, defillama: Lists, store: Market
) -> Results:
    """One row per tracked subject and hour: fees, revenue, spot and options volume.

    Sums over complete UTC days, from daily series and `/overview/{fees,dexs}`; hourly. The running
    day is in none of them. Volume of perpetuals is NULL: DefiLlama sells it.
    """
    from market_assets.ingestion.defillama.throughput import (  # noqa: PLC0415 - as above
        refresh_throughput,
    )

    done = refresh_throughput(
        defillama,
        store,
        tracked_subjects(store),
        within=_WITHIN,
        clock=SystemClock(),
        run=ingestion_run(context, "economic_throughput"),
    )
    yield from results_of(
        done,
        tables.DEFILLAMA_ECONOMIC_THROUGHPUT,
        "select subject_id, fees_24h_usd, revenue_24h_usd, dex_volume_24h_usd from"
        " defillama_economic_throughput order by as_of desc, fees_24h_usd desc nulls last limit 8",
        settings=settings,
        store=store,
        lists=defillama,
    )


@dg.asset_check(
    asset=defillama_capital_base,
    description="The value locked in each chain is near the sum of its protocols'.",
)
@fails_in_a_line
def chain_tvl_is_near_its_protocols(store: Market) -> dg.AssetCheckResult:
    """States the ratio; warns where counting twice does not explain it."""
    from market_assets.checks.defillama import chain_tvl  # noqa: PLC0415 - as above

    compared = chain_tvl(store)
    odd = compared.filter("is_odd")
    metadata: dict[str, Any] = {
        "chains": compared.height,
        "odd": odd.height,
        "by_chain": dg.MetadataValue.md(as_markdown(compared.head(20))),
    }
    if compared.height:
        both = compared.sum()
        metadata["ratio"] = both["protocols_tvl_usd"].item() / both["tvl_usd"].item()
        metadata["median_ratio"] = compared["ratio"].median()
    return dg.AssetCheckResult(
        passed=odd.is_empty(),
        severity=dg.AssetCheckSeverity.WARN,
        description=f"{odd.height} of {compared.height} chains are far from their protocols",
        metadata=metadata,
    )


def tracked_subjects(store: "Store", only: Sequence[str] = ()) -> "Sequence[Tracked]":
    """The tracked subjects, or those with the ids in `only`, tracked or not.

    Raises:
        dg.Failure: there are none, or an id is not known.
    """
    from market_assets.ingestion.defillama.accounting import NoSubjects  # noqa: PLC0415 - as above
    from market_assets.ingestion.defillama.subjects import named, tracked  # noqa: PLC0415 - as above

    try:
        return named(store, only) if only else tracked(store)
    except NoSubjects as error:
        raise dg.Failure(str(error)) from error


def results_of(
    done: "Done",
    table: tables.TableSpec,
    shown: str,
    *,
    settings: Settings,
    store: "Store",
    lists: Any,
    parts: dict[str, object] | None = None,
) -> Results:
    """The check that names who failed, then the materialization.

    Raises:
        dg.Failure: more than the tolerated share of the subjects failed; the rest is written.
    """
    failed = some(done.failed)
    yield dg.AssetCheckResult(
        check_name=_WHOLE,
        passed=not done.failed,
        severity=dg.AssetCheckSeverity.WARN,
        description=done.verdict,
        metadata={"failed_count": len(done.failed), **({"failed": failed} if failed else {})},
    )
    if done.is_failure(settings.defillama.failed_share):
        raise dg.Failure(done.verdict, metadata={"failed": failed or {}})
    rows = store.read(shown)
    yield written_result(
        *done.written,
        row_count=count_rows(store, table),
        subjects=done.subjects,
        failed_count=len(done.failed),
        failed=failed,
        left_out=some(done.left_out),
        parts_left_out=parts,
        **done.figures,
        **requests_made(lists.client),
        preview=preview(rows, rows.columns),
    )
