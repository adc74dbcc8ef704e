"""What `stream` says at its end, and with which exit code: judged by what the sockets brought."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from market_assets.cli import streaming
from market_assets.cli.errors import NotDoneError
from market_assets.cli.streaming import stream_for
from market_assets.settings import Settings, load
from market_assets.sources.hyperliquid import frames
from market_assets.storage.files.store import FileStore
from market_assets.streams.core.options import SessionEnd
from market_assets.tables import HYPERLIQUID_MID_PRICES
from market_assets_tests.streams.polymarket.stored import track

AT = datetime(2026, 2, 28, 23, 59, 55, tzinfo=UTC)
WELL: dict[str, Any] = {
    "reason": "duration",
    "began_at": AT,
    "ended_at": AT,
    "rows": {"hyperliquid_mid_prices": 3, "hyperliquid_candles": 1606},
    "frames": {"allMids": 5, "candle": 2},
    "data_frames": 7,
    "healed_rows": 1600,
    "is_drained": True,
    "error": None,
}
Streams = Callable[..., None]


@pytest.fixture
def streams(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Streams:
    """A stream whose session ends as a test says, over a database with a mid of BTC."""

    def stream(
        symbols: str = "BTC",
        source: str = "hyperliquid",
        begins: Callable[[], None] = lambda: None,
        **end: Any,
    ) -> None:
        variables = {"MARKET_DB": str(tmp_path / "market.duckdb"), "MARKET_SYMBOLS": symbols}
        settings: Settings = load(variables, root=tmp_path)
        mids = frames.mids({"BTC": 1.0}, AT)
        FileStore(settings.market_db).merge(HYPERLIQUID_MID_PRICES, mids)

        class Session:
            def run(self, *_: object, **__: object) -> SessionEnd:
                begins()
                return SessionEnd(**{**WELL, **end})

        made = SimpleNamespace(assemble=lambda *_, **__: Session())
        monkeypatch.setattr(streaming, "stream_of", lambda _: made)
        monkeypatch.setattr(streaming.signal, "signal", lambda *_: None)
        stream_for(settings, source, 8)

    return stream


def test_what_came_is_counted_and_published(
    streams: Streams, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    streams()
    said = capsys.readouterr().out
    assert "hyperliquid_mid_prices: 3 rows\n" in said
    assert "hyperliquid_candles: 1606 rows, 1600 of them from REST\n" in said
    assert f"published {tmp_path / 'market.duckdb'}" in said


@pytest.mark.parametrize(
    ("end", "says"),
    [
        (
            {"frames": {}, "data_frames": 0, "error": "no socket: ConnectionRefusedError"},
            "nothing came from wss://.* \\(BTC\\): no socket: ConnectionRefusedError",
        ),
        ({"frames": {"pong": 9}, "data_frames": 0}, "nothing came .*: is the venue there"),
        ({"frames": {"candle": 9}, "data_frames": 9}, "no mid came from wss://"),
        ({"symbols": "BTC,NOPE"}, "no row of NOPE"),
        ({"frames": {}, "data_frames": 0, "is_drained": False, "error": "x"}, "nothing came"),
    ],
)
def test_what_was_asked_for_and_did_not_come_is_no_success(
    streams: Streams, end: dict[str, Any], says: str
) -> None:
    with pytest.raises(NotDoneError, match=says):
        streams(**end)


def test_what_waits_in_the_spool_is_not_nothing(
    streams: Streams, capsys: pytest.CaptureFixture[str]
) -> None:
    """The database was locked all the time: no row is in it, and none is lost."""
    with pytest.raises(NotDoneError) as error:
        streams(rows={}, is_drained=False, error="drain: held by PID 7 (a notebook)")
    said = str(error.value)
    assert "not yet in the database: drain: held by PID 7 (a notebook)" in said
    assert "safe in the spool" in said
    assert "nothing came" not in said
    assert "published" not in capsys.readouterr().out


def test_a_universe_without_a_market_is_told_before_the_stream_waits_for_one(
    streams: Streams, capsys: pytest.CaptureFixture[str]
) -> None:
    """And again at the end, as the error."""
    said: list[str] = []

    def begins() -> None:
        said.append(capsys.readouterr().err)

    with pytest.raises(NotDoneError, match="no market is tracked yet: `dagster asset materialize"):
        streams(source="polymarket", begins=begins, frames={}, data_frames=0)
    assert said[0].splitlines()[-1].endswith("chooses them. Waiting for that")


def test_a_universe_with_a_market_needs_no_word(
    streams: Streams, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    store = FileStore(tmp_path / "market.duckdb")
    track(store, ["1", "2"])
    streams(source="polymarket", frames={"book": 2}, data_frames=2)
    assert "no market" not in capsys.readouterr().err


def test_a_universe_that_is_chosen_meanwhile_is_no_error(streams: Streams, tmp_path: Path) -> None:
    """The command has waited for it."""
    store = FileStore(tmp_path / "market.duckdb")
    streams(
        source="polymarket",
        begins=lambda: track(store, ["1", "2"]),
        frames={"book": 2},
        data_frames=2,
    )
