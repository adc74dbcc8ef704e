"""The rules of `checks/` as asset checks.

Checks of scheduled assets run with them. What the stream writes is checked every five minutes by
a job of its own: the sidecar is not held up by a query.
"""

from typing import Any

import dagster as dg

from market_assets.checks.rules import Rule, broken_by, rules
from market_assets.clock import SystemClock
from market_assets.storage.store import Store

_SHOWN = 10
_STREAMED = ("hyperliquid_mid_prices", "hyperliquid_candles")


def check_of(rule: Rule) -> dg.AssetChecksDefinition:
    """An asset check that fails with the number of rows that break the rule, and some of them."""

    @dg.asset_check(asset=rule.table.name, name=rule.name, description=rule.description)
    def check(store: dg.ResourceParam[Store]) -> dg.AssetCheckResult:
        broken = broken_by(store, rule, SystemClock().now())
        metadata: dict[str, Any] = {"rows_that_break_it": broken.height}
        if broken.height:
            metadata["some_of_them"] = dg.MetadataValue.md(_as_markdown(broken.head(_SHOWN)))
        return dg.AssetCheckResult(
            passed=broken.is_empty(),
            severity=dg.AssetCheckSeverity.ERROR if rule.is_error else dg.AssetCheckSeverity.WARN,
            metadata=metadata,
        )

    return check


def _as_markdown(frame: Any) -> str:
    head = "|".join(frame.columns)
    rows = ["|".join(str(value).replace("|", "\\|") for value in row) for row in frame.rows()]
    return "\n".join([head, "|".join("-" for _ in frame.columns), *rows])


checks = [check_of(rule) for rule in rules()]

hyperliquid_stream_checks = dg.define_asset_job(
    "hyperliquid_stream_checks",
    selection=dg.AssetSelection.checks_for_assets(*_STREAMED),
    description="Checks what the stream wrote: keys, order, the minute grid, mids against candles.",
    tags={"market_assets/channel": "hyperliquid/candles"},
)

hyperliquid_stream_checks_schedule = dg.ScheduleDefinition(
    job=hyperliquid_stream_checks,
    cron_schedule="3-59/5 * * * *",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Every 5 minutes.",
)
