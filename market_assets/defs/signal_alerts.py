"""The sensor that posts signals of the kinds in `MARKET_SIGNAL_ALERTS`, each of them once."""

from datetime import datetime, timedelta
from typing import Final

import dagster as dg

from market_assets.clock import SystemClock
from market_assets.defs.alerts import store_of_a_tick
from market_assets.operations.alerts.delivery import Answer, deliver, http_post
from market_assets.operations.alerts.message import body
from market_assets.operations.alerts.policy import Message
from market_assets.operations.alerts.signal import Signal
from market_assets.operations.alerts.signals import SignalMemory, recall_signals, take
from market_assets.settings import Settings
from market_assets.storage.common.errors import StoreError

EVERY: Final = timedelta(minutes=1)
_FOUND: Final = """
select
    signals.signal_id,
    signals.kind,
    signals.condition_id,
    signals.token_id,
    signals.symbol,
    signals.as_of,
    signals.score,
    signals.threshold,
    signals.detail,
    signals.found_at,
    markets.question
from polymarket_signal_events as signals
left join polymarket_markets as markets using (condition_id)
where signals.found_at > $since and list_contains($kinds, signals.kind)
order by signals.found_at, signals.as_of, signals.signal_id
"""


@dg.sensor(
    minimum_interval_seconds=int(EVERY.total_seconds()),
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Posts each signal of the kinds in MARKET_SIGNAL_ALERTS to ALERT_WEBHOOK_URL once.",
)
def alert_on_signals(
    context: dg.SensorEvaluationContext, settings: dg.ResourceParam[Settings]
) -> dg.SensorResult:
    """One evaluation: read what was found since the last one, and send what waits.

    While no kind is chosen, or there is no address, nothing is kept for later.
    """
    now = SystemClock().now()
    if not settings.signal_alerts or not settings.alert_webhook_url:
        return dg.SensorResult(
            skip_reason="no kind of signal is posted", cursor=SignalMemory(read_to=now).as_text()
        )
    memory = recall_signals(context.cursor, now)
    try:
        memory = take(memory, _found(settings, memory.since), now)
    except StoreError as error:
        return dg.SensorResult(skip_reason=f"signals wait: {error}", cursor=memory.as_text())
    before = len(memory.outbox.waiting)
    memory = _sent(memory, settings, now)
    left = len(memory.outbox.waiting)
    return dg.SensorResult(
        skip_reason=f"{before - left} signals posted, {left} wait", cursor=memory.as_text()
    )


def _found(settings: Settings, since: datetime) -> list[Signal]:
    kinds = list(settings.signal_alerts)
    rows = store_of_a_tick(settings).read(_FOUND, {"since": since, "kinds": kinds})
    return [Signal(**row) for row in rows.iter_rows(named=True)]


def _sent(memory: SignalMemory, settings: Settings, now: datetime) -> SignalMemory:
    """Send what waits, as far as the receiver takes it."""
    url = settings.alert_webhook_url

    def post(message: Message) -> Answer:
        ui_url = f"http://127.0.0.1:{settings.ui_port}"
        said = body(message, url=url, ui_url=ui_url, runbook_url=settings.alert_runbook_url)
        return http_post(url, said, now, proxies=settings.proxies)

    outbox = deliver(memory.outbox, post, now)
    return SignalMemory(memory.read_to, memory.taken, outbox)
