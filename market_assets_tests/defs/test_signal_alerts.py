"""The sensor that posts signals: a real database and a real webhook."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl
import pytest

from market_assets.clock import ManualClock
from market_assets.defs import alerts, signal_alerts
from market_assets.settings import load
from market_assets.storage.files.store import FileStore
from market_assets.tables import POLYMARKET_SIGNAL_EVENTS
from market_assets_tests.features.rows import NOW
from market_assets_tests.sources.http_server import Reply, Server, serving
from market_assets_tests.storage.processes import holding

MINUTE = timedelta(minutes=1)


@dataclass
class Desk:
    """A database, a webhook, and evaluations of the sensor a minute apart."""

    folder: Path
    receiver: Server
    clock: ManualClock
    kinds: str = "price_jump,large_trade"
    cursor: str | None = None

    @property
    def database(self) -> Path:
        return self.folder / "market.duckdb"

    def signal(self, name: str, kind: str = "price_jump", found_at: datetime | None = None) -> None:
        """A signal that is stored."""
        row = {
            "signal_id": name,
            "kind": kind,
            "condition_id": "0xa",
            "as_of": self.clock.now() - MINUTE,
            "score": 6.0,
            "threshold": 5.0,
            "found_at": found_at or self.clock.now(),
            "detail": "{}",
        }
        spec = POLYMARKET_SIGNAL_EVENTS
        frame = pl.DataFrame([{n: row.get(n) for n in spec.column_names}], schema=spec.schema)
        FileStore(self.database).merge(spec, frame)

    def evaluate(self) -> str:
        """One evaluation; what it said."""
        env = {
            "MARKET_DB": str(self.database),
            "ALERT_WEBHOOK_URL": f"{self.receiver.url}/hook",
            "MARKET_SIGNAL_ALERTS": self.kinds,
        }
        context = dg.build_sensor_context(
            cursor=self.cursor, resources={"settings": load(env, root=self.folder)}
        )
        result = signal_alerts.alert_on_signals(context)
        assert isinstance(result, dg.SensorResult)
        self.cursor = result.cursor
        self.clock.advance(60)
        return str(result.skip_reason and result.skip_reason.skip_message)

    @property
    def posted(self) -> list[str]:
        """Ids of the signals that the webhook was sent, in order."""
        return [str(said["signalId"]) for said in self.said]

    @property
    def said(self) -> list[dict[str, Any]]:
        return [said for _, said in self.receiver.requests]


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    clock = ManualClock(NOW)
    monkeypatch.setattr(signal_alerts, "SystemClock", lambda: clock)
    monkeypatch.setattr(alerts, "LOCK_WAIT", timedelta(seconds=0.2))
    with serving() as receiver:
        yield Desk(tmp_path, receiver, clock)


def test_each_signal_of_the_chosen_kinds_is_posted_once(desk: Desk) -> None:
    desk.signal("s1")
    desk.signal("other", "book_imbalance")
    desk.evaluate()
    desk.evaluate()
    desk.signal("s2", "large_trade")
    desk.evaluate()
    assert desk.posted == ["s1", "s2"]
    assert desk.said[0]["event"] == "signal"


def test_one_that_was_stored_late_is_posted_too(desk: Desk) -> None:
    desk.evaluate()
    desk.evaluate()
    desk.signal("late", found_at=NOW)
    desk.evaluate()
    assert desk.posted == ["late"]


def test_without_a_kind_nothing_is_posted_nor_later(desk: Desk) -> None:
    desk.kinds = ""
    desk.signal("s1")
    for _ in range(20):
        assert "no kind" in desk.evaluate()
    desk.kinds = "price_jump"
    desk.evaluate()
    assert desk.posted == []


def test_what_the_webhook_refuses_waits_and_arrives_once(desk: Desk) -> None:
    desk.receiver.replies.append(Reply(503))
    desk.signal("s1")
    assert "1 wait" in desk.evaluate()
    desk.evaluate()
    desk.evaluate()
    assert desk.posted == ["s1", "s1"]  # refused, then taken


def test_signals_wait_for_a_database_that_is_locked(desk: Desk) -> None:
    desk.signal("s1")
    with holding(FileStore(desk.database).paths.live):
        assert "signals wait" in desk.evaluate()
    desk.evaluate()
    assert desk.posted == ["s1"]
