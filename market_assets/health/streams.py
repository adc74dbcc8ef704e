"""Whether a stream lives and brings rows, from its lock and its own account of itself.

A row per stream: `hyperliquid/stream`. The lock says whether a session is there; `stream.json`,
which it writes every few seconds, whether the venue's sockets are open and how old the newest row
in the database is. Not here: the age of the assets that it materializes, which is a channel's.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from market_assets.clock import parse_rfc3339
from market_assets.health.statuses import Row, Status, age_s
from market_assets.sidecar.lease import Lease
from market_assets.sidecar.state import STATE_FILE, read_json

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

DISCONNECTED: Final = timedelta(minutes=1)
"""A stream without a socket, or without a session, for longer than this has failed."""
SILENT: Final = timedelta(minutes=5)
"""So has one that brings no rows for this long."""
ACCOUNT_EVERY: Final = timedelta(seconds=5)
"""How often a session writes what it says of itself, at the least."""


@dataclass(frozen=True)
class Stream:
    """What is known of a stream.

    Attributes:
        is_alive: a session holds its lock.
        account: what its last session said of itself; None if there has been none.
    """

    is_alive: bool
    account: Mapping[str, object] | None


NO_STREAM: Final = Stream(is_alive=False, account=None)


def read_stream(state_dir: Path) -> Stream:
    """The stream whose locks and files are in the folder."""
    return Stream(Lease(state_dir).peek().is_alive, read_json(state_dir / STATE_FILE))


def stream_row(source: str, job: str, stream: Stream, now: datetime) -> Row:
    """How a stream is: `missing` before its first session, `running` before its first rows."""
    account = stream.account or {}
    since, written_at = _instant(account.get("since")), _instant(account.get("written_at"))
    spoke_s = age_s(written_at, now) if written_at else None
    lags = _numbers(account.get("lag_s"))
    rows_s = round(min(lags) + (spoke_s or 0.0), 1) if lags else None
    why: str | None = None
    status: Status
    if spoke_s is None or since is None:
        status = "running" if stream.is_alive else "missing"
        why = None if stream.is_alive else f"{job} has never run here"
    elif why := _what_is_wrong(stream, account, spoke_s, rows_s, age_s(since, now)):
        status = "failed"
    else:
        status = "ok" if rows_s is not None else "running"
    said = account.get("last_error")
    return Row(
        source=source,
        channel="stream",
        status=status,
        expected_cadence_s=ACCOUNT_EVERY.total_seconds(),
        stale_after_s=SILENT.total_seconds(),
        age_s=max(0.0, rows_s) if rows_s is not None else None,
        rows_written=None,
        last_error=f"{why}; it says: {said}" if why and said else why,
        job=job,
    )


def _what_is_wrong(
    stream: Stream,
    account: Mapping[str, object],
    spoke_s: float,
    rows_s: float | None,
    lived_s: float,
) -> str | None:
    if not stream.is_alive and spoke_s > DISCONNECTED.total_seconds():
        return f"no session for {spoke_s:.0f} s"
    unheard = [age + spoke_s for age in _numbers(account.get("ages_s"))] or [lived_s]
    if not account.get("sockets") and min(unheard) > DISCONNECTED.total_seconds():
        return f"disconnected from the venue for {min(unheard):.0f} s"
    silent_s = lived_s if rows_s is None else min(rows_s, lived_s)
    if silent_s > SILENT.total_seconds():
        return f"no rows for {silent_s:.0f} s"
    return None


def _instant(said: object) -> datetime | None:
    try:
        return parse_rfc3339(said) if isinstance(said, str) else None
    except ValueError:
        return None


def _numbers(said: object) -> list[float]:
    values = said.values() if isinstance(said, dict) else ()
    return [float(value) for value in values if isinstance(value, int | float)]
