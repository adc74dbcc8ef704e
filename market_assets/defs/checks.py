"""The rules of `checks/` as asset checks.

Checks of scheduled assets run with them; where those are due every few minutes, the rules that read
a whole table run once an hour. What a stream writes is checked every five minutes by a job of its
own: the sidecar is not held up by a query.
"""

from typing import Any

import dagster as dg

from market_assets.checks.rules import Rule, judged, rules
from market_assets.clock import SystemClock
from market_assets.defs.expected import fails_in_a_line
from market_assets.defs.jobs import FLOWS, OFTEN
from market_assets.defs.options import OWNER, SLOT, as_markdown
from market_assets.storage.api import Store

_SHOWN = 10
_STREAMED = ("hyperliquid_mid_prices", "hyperliquid_candles")
_BOOKS = ("polymarket_books", "polymarket_orderbook_levels", "polymarket_book_tops")


def check_of(rule: Rule) -> dg.AssetChecksDefinition:
    """An asset check that fails with the number of rows that break the rule, and some of them."""

    @dg.asset_check(asset=rule.table.name, name=rule.name, description=rule.description)
    @fails_in_a_line
    def check(store: dg.ResourceParam[Store]) -> dg.AssetCheckResult:
        found = judged(store, rule, SystemClock().now())
        broken = found.broken
        metadata: dict[str, Any] = {
            "rows_that_break_it": broken.height,
            "as_of": found.as_of.isoformat(timespec="seconds"),
        }
        if broken.height:
            metadata["some_of_them"] = dg.MetadataValue.md(as_markdown(broken.head(_SHOWN)))
        return dg.AssetCheckResult(
            passed=broken.is_empty(),
            severity=dg.AssetCheckSeverity.ERROR if rule.is_error else dg.AssetCheckSeverity.WARN,
            metadata=metadata,
        )

    return check


checks = [check_of(rule) for rule in rules()]

hyperliquid_stream_checks = dg.define_asset_job(
    "hyperliquid_stream_checks",
    selection=dg.AssetSelection.checks_for_assets(*_STREAMED),
    description="Checks what the stream wrote: keys, order, the minute grid, mids against candles.",
    tags={"market_assets/channel": "hyperliquid/candles", **SLOT},
)

hyperliquid_stream_checks_schedule = dg.ScheduleDefinition(
    job=hyperliquid_stream_checks,
    cron_schedule="3-59/5 * * * *",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Every 5 minutes.",
)

polymarket_stream_checks = dg.define_asset_job(
    "polymarket_stream_checks",
    selection=dg.AssetSelection.checks_for_assets(*_BOOKS),
    description="Checks the order books: not crossed, levels as heads say, on the tick, proved.",
    tags={"market_assets/channel": "polymarket/books", **SLOT},
)

polymarket_stream_checks_schedule = dg.ScheduleDefinition(
    job=polymarket_stream_checks,
    cron_schedule="1-59/5 * * * *",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Every 5 minutes.",
)

STREAM_CHECKS = (hyperliquid_stream_checks.name, polymarket_stream_checks.name)
"""Jobs that check what streams write, every few minutes."""


def hourly_checks(source: str) -> list[dg.AssetCheckKey]:
    """The rules that read a whole table, of the tables that a source writes every few minutes."""
    due_often = {
        asset
        for flow in FLOWS
        if flow.source == source and flow.cadence <= OFTEN
        for asset in flow.assets
    }
    return [
        dg.AssetCheckKey(dg.AssetKey(rule.table.name), rule.name)
        for rule in rules()
        if rule.reads_whole_table and rule.table.name in due_often
    ]


tables_checks = [
    dg.define_asset_job(
        f"{source}_tables_check",
        selection=dg.AssetSelection.checks(*hourly_checks(source)),
        description="Checks whole tables that are written every few minutes: keys, times.",
        tags={"owner": OWNER, **SLOT},
    )
    for source in dict.fromkeys(flow.source for flow in FLOWS)
    if hourly_checks(source)
]

tables_check_schedules = [
    dg.ScheduleDefinition(
        job=job,
        cron_schedule=f"{49 + nth} * * * *",
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description="Hourly.",
    )
    for nth, job in enumerate(tables_checks)
]
