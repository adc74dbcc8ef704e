"""Problems, rows and messages that the tests of this folder share."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from market_assets.operations.alerts.policy import Message
from market_assets.operations.alerts.problems import Problem
from market_assets.operations.health.statuses import Row

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)

MIDS = Problem(
    key="hyperliquid/mids",
    source="hyperliquid",
    channel="mids",
    status="failed",
    severity="error",
    title="hyperliquid/mids has failed",
    error="VenueDown: 502 <html> & @everyone",
    run_id="run-1",
    runbook="a-channel-has-failed",
)
ALERT = Message("alert", MIDS, "error", NOW - 2 * MINUTE, NOW, also=("hyperliquid/candles",))
RECOVERY = replace(ALERT, kind="recovery", at=NOW + 78 * MINUTE, also=())


def row(label: str, status: str = "ok", **more: object) -> Row:
    """A row of the health report."""
    source, _, channel = label.partition("/")
    return Row(source, channel, status, 60.0, 360.0, 1.0, None, **{"last_error": None, **more})
