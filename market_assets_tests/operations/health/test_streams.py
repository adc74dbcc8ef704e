"""A stream's row, from its lock and what it says of itself."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from market_assets.operations.health.streams import NO_STREAM, Stream, stream_row

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


def _ago(seconds: float) -> str:
    return (NOW - timedelta(seconds=seconds)).isoformat()


WELL = Stream(
    is_alive=True,
    account={
        "since": _ago(3600),
        "written_at": _ago(1),
        "sockets": 4,
        "lag_s": {"mids": 3.0, "candles": 70.0},
        "ages_s": {"mids": 0.5},
        "last_error": None,
    },
)


def _with(**said: object) -> Stream:
    return replace(WELL, account={**(WELL.account or {}), **said})


@pytest.mark.parametrize(
    ("stream", "status", "why"),
    [
        pytest.param(WELL, "ok", None, id="well"),
        pytest.param(NO_STREAM, "missing", "never run", id="never"),
        pytest.param(Stream(is_alive=True, account=None), "running", None, id="just begun"),
        pytest.param(_with(since=_ago(20), lag_s={}), "running", None, id="before its first rows"),
        pytest.param(replace(WELL, is_alive=False), "ok", None, id="between two sessions"),
        pytest.param(
            replace(_with(written_at=_ago(61)), is_alive=False), "failed", "no session", id="gone"
        ),
        pytest.param(
            _with(sockets=0, ages_s={"mids": 30.0}), "ok", None, id="disconnected for a moment"
        ),
        pytest.param(
            _with(sockets=0, ages_s={"mids": 70.0}), "failed", "disconnected", id="disconnected"
        ),
        pytest.param(
            _with(sockets=0, ages_s={}, since=_ago(90), lag_s={}),
            "failed",
            "disconnected",
            id="never connected",
        ),
        pytest.param(
            _with(sockets=0, ages_s={}, since=_ago(8), phase="streaming"),
            "running",
            None,
            id="rows from REST before a socket opens",
        ),
        pytest.param(
            _with(sockets=0, ages_s={}, since=_ago(90)),
            "failed",
            "disconnected",
            id="never connected, while REST heals",
        ),
        pytest.param(
            replace(_with(sockets=0, ages_s={}, since=_ago(8), phase="ended"), is_alive=False),
            "failed",
            "without a frame of data",
            id="ended without having been connected",
        ),
        pytest.param(
            _with(ages_s={"mids": 301.0, "pong": 1.0, "subscriptionResponse": 2.0}),
            "failed",
            "no data",
            id="only pongs come, while REST heals",
        ),
        pytest.param(
            _with(sockets=0, ages_s={"mids": 70.0, "pong": 1.0}),
            "failed",
            "disconnected from the venue for 71 s",
            id="a pong is no sign of life",
        ),
        pytest.param(_with(lag_s={"mids": 301.0}), "failed", "no rows", id="connected, but silent"),
        pytest.param(_with(written_at=_ago(400)), "failed", "no rows", id="hangs"),
        pytest.param(
            _with(lag_s={"mids": 4000.0}, since=_ago(60)), "ok", None, id="has just taken over"
        ),
        pytest.param(_with(lag_s={"mids": -7200.0}), "ok", None, id="dated by a clock ahead"),
        pytest.param(_with(written_at="yesterday"), "running", None, id="nonsense in the file"),
    ],
)
def test_status(stream: Stream, status: str, why: str | None) -> None:
    row = stream_row("venue", "ticks_stream", stream, NOW)
    assert row.status == status
    assert (why or "") in (row.last_error or "")
    assert (row.last_error is None) == (why is None)
    assert row.age_s is None or row.age_s >= 0


def test_the_session_s_own_word_is_passed_on() -> None:
    row = stream_row("venue", "t", _with(sockets=0, ages_s={"a": 99.0}, last_error="418"), NOW)
    assert row.last_error == "disconnected from the venue for 100 s; it says: 418"
    row = stream_row("venue", "t", _with(last_error="publishing: no room"), NOW)
    assert (row.status, row.last_error) == ("ok", "publishing: no room")
