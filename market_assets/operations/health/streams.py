"""Whether a stream lives and brings rows, from its lock and its own account of itself.

A row per stream: `hyperliquid/stream`. The lock says whether a session is there; `stream.json`,
which it writes every few seconds, whether the venue's sockets are open and how old the newest row
in the database is. Rows alone prove nothing: REST heals candles while the sockets are closed.
Not here: the age of the assets that it materializes, which is a channel's.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final, NamedTuple

from market_assets.clock import parse_rfc3339
from market_assets.operations.health.statuses import Row, Status
from market_assets.streams.core.lease import Lease
from market_assets.streams.core.state import STATE_FILE, read_json
from market_assets.streams.registry import STREAMS

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from market_assets.machine_paths import MachinePaths

DISCONNECTED: Final = timedelta(minutes=1)
"""A stream without a socket, or without a session, for longer than this has failed."""
SILENT: Final = timedelta(minutes=5)
"""So has one that brings no rows, or hears nothing but answers to itself, for this long."""
ANSWERS: Final = frozenset({"pong", "subscriptionResponse", "error", "other"})
"""Channels of frames that carry no data."""
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


def read_stream(machine: MachinePaths, source: str) -> Stream:
    """The stream of that source, whose locks and files are in the project's own folder."""
    folder = machine.stream(source).folder
    return Stream(Lease(folder).peek().is_alive, read_json(folder / STATE_FILE))


def read_streams(machine: MachinePaths, *, off: Collection[str] = ()) -> dict[str, Stream]:
    """All streams but those of sources that are off, by source."""
    names = [stream.name for stream in STREAMS if stream.name not in off]
    return {name: read_stream(machine, name) for name in names}


def stream_row(source: str, job: str, stream: Stream, now: datetime) -> Row:
    """How a stream is: `missing` before its first session, `running` before its first rows.

    What its session says of itself is passed on whatever the status.
    """
    account = stream.account or {}
    ages = _ages(account, now)
    why: str | None = None
    status: Status
    if ages is None:
        status = "running" if stream.is_alive else "missing"
        why = None if stream.is_alive else f"{job} has never run here"
    elif why := _what_is_wrong(stream, account, ages):
        status = "failed"
    else:
        is_heard = ages.rows_s is not None and ages.unheard_s is not None
        status = "ok" if is_heard else "running"
    said = account.get("last_error")
    told = [why, str(said) if said else None]
    return Row(
        source=source,
        channel="stream",
        status=status,
        expected_cadence_s=ACCOUNT_EVERY.total_seconds(),
        stale_after_s=SILENT.total_seconds(),
        age_s=max(0.0, ages.rows_s) if ages and ages.rows_s is not None else None,
        rows_written=None,
        last_error="; it says: ".join(text for text in told if text) or None,
        job=job,
    )


class _Ages(NamedTuple):
    """Seconds since the session wrote its account and since it began, since the event time of the
    newest row in the database, and since the last frame of data; None: there is none yet.
    """

    spoke_s: float
    lived_s: float
    rows_s: float | None
    unheard_s: float | None


def _ages(account: Mapping[str, object], now: datetime) -> _Ages | None:
    """None where there is no account to speak of."""
    since, written_at = _instant(account.get("since")), _instant(account.get("written_at"))
    if since is None or written_at is None:
        return None
    offset = _wall_offset(account)
    spoke_s = _age_s(written_at, offset, now)
    lags = _numbers(account.get("lag_s"))
    rows_s = round(min(lags) + spoke_s, 1) if lags else None
    return _Ages(spoke_s, _age_s(since, offset, now), rows_s, _unheard_s(account, spoke_s))


def _wall_offset(account: Mapping[str, object]) -> timedelta:
    """By how much the machine's clock was ahead of the session's, which dates the account."""
    clock = account.get("clock")
    said = clock.get("wall_offset_s") if isinstance(clock, dict) else None
    return timedelta(seconds=said) if isinstance(said, int | float) else timedelta(0)


def _age_s(at: datetime, offset: timedelta, now: datetime) -> float:
    """Seconds since an instant of the account.

    By the machine's clock, whether it is still as far ahead as it was, or has been set right: the
    reading under which the instant is the younger one of those that are not to come.
    """
    readings = [(now - at).total_seconds(), (now - at - offset).total_seconds()]
    return round(min((age for age in readings if age >= 0), default=0.0), 1)


def _what_is_wrong(stream: Stream, account: Mapping[str, object], ages: _Ages) -> str | None:
    if not stream.is_alive and ages.spoke_s > DISCONNECTED.total_seconds():
        return f"no session for {ages.spoke_s:.0f} s"
    if not stream.is_alive and ages.unheard_s is None and account.get("phase") == "ended":
        return "the last session ended without a frame of data from the venue"
    lived_s = ages.lived_s
    deaf_s = lived_s if ages.unheard_s is None else min(ages.unheard_s, lived_s)
    if not account.get("sockets") and deaf_s > DISCONNECTED.total_seconds():
        return f"disconnected from the venue for {deaf_s:.0f} s"
    silent_s = lived_s if ages.rows_s is None else min(ages.rows_s, lived_s)
    if silent_s > SILENT.total_seconds():
        return f"no rows for {silent_s:.0f} s"
    if deaf_s > SILENT.total_seconds():
        return f"no data from the venue for {deaf_s:.0f} s"
    return None


def _unheard_s(account: Mapping[str, object], spoke_s: float) -> float | None:
    """Seconds since the last frame of data; None if there has been none."""
    ages = account.get("ages_s")
    if not isinstance(ages, dict):
        return None
    data = {channel: age for channel, age in ages.items() if channel not in ANSWERS}
    return min((age + spoke_s for age in _numbers(data)), default=None)


def _instant(said: object) -> datetime | None:
    try:
        return parse_rfc3339(said) if isinstance(said, str) else None
    except ValueError:
        return None


def _numbers(said: object) -> list[float]:
    values = said.values() if isinstance(said, dict) else ()
    return [float(value) for value in values if isinstance(value, int | float)]
