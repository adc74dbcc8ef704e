"""Time: the only place that turns a venue's time into a UTC instant, and that asks what time it is.

Venues speak milliseconds (Hyperliquid), seconds or RFC 3339; the tables hold `TIMESTAMPTZ` in UTC.
Code that needs the present takes a `Clock`, so that a test can move it by hand, or have it run
faster than the wall.

Not here: schedules and cadences (`channels.py`), freshness (`health/`).
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, Protocol

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

INTERVALS: Final[dict[str, timedelta]] = {
    "1m": timedelta(minutes=1),
    "3m": timedelta(minutes=3),
    "5m": timedelta(minutes=5),
    "15m": timedelta(minutes=15),
    "30m": timedelta(minutes=30),
    "1h": timedelta(hours=1),
    "2h": timedelta(hours=2),
    "4h": timedelta(hours=4),
    "8h": timedelta(hours=8),
    "12h": timedelta(hours=12),
    "1d": timedelta(days=1),
}
"""Candle intervals by the name that the exchanges give them. `1w` and `1M` are left out: their
bins do not start on the UTC grid of their own length."""


class Clock(Protocol):
    """Where code gets the time from."""

    def now(self) -> datetime:
        """The present instant, UTC. May jump in either direction, as a wall clock does."""
        ...

    def monotonic(self) -> float:
        """Seconds since some fixed instant; never goes back. For time-outs and ages."""
        ...


class SystemClock:
    """The machine's own clocks."""

    def now(self) -> datetime:
        return datetime.now(tz=UTC)

    def monotonic(self) -> float:
        return time.monotonic()


@dataclass
class ManualClock:
    """A clock that a test moves: `advance` is time passing, `jump` is somebody setting it."""

    instant: datetime
    elapsed: float = 0.0

    def now(self) -> datetime:
        return self.instant

    def monotonic(self) -> float:
        return self.elapsed

    def advance(self, seconds: float) -> None:
        """Let time pass, on both clocks."""
        self.instant += timedelta(seconds=seconds)
        self.elapsed += seconds

    def jump(self, seconds: float) -> None:
        """Set the wall clock forward (or back), while no time passes."""
        self.instant += timedelta(seconds=seconds)


def from_ms(milliseconds: int) -> datetime:
    """The UTC instant of a Unix time in milliseconds, exact (no float in between)."""
    return EPOCH + timedelta(milliseconds=milliseconds)


def to_ms(instant: datetime) -> int:
    """Unix time in whole milliseconds, rounded down. The instant must carry a time zone."""
    return (_aware(instant) - EPOCH) // timedelta(milliseconds=1)


def from_s(seconds: float) -> datetime:
    """The UTC instant of a Unix time in seconds."""
    return EPOCH + timedelta(seconds=seconds)


def parse_rfc3339(text: str) -> datetime:
    """The UTC instant of an RFC 3339 string; one without an offset is an error, not local time."""
    return _aware(datetime.fromisoformat(text)).astimezone(UTC)


def as_words(seconds: float) -> str:
    """A length of time as people say it: 45 s, 6 min, 2 h, 7 d."""
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size or seconds == size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds:.0f} s"


def interval_length(name: str) -> timedelta:
    """How long a candle of the interval lasts: `interval_length("1h")` is one hour.

    Raises:
        ValueError: the project does not keep candles of that interval.
    """
    try:
        return INTERVALS[name]
    except KeyError:
        raise ValueError(
            f"unknown candle interval {name!r}; one of {', '.join(INTERVALS)}"
        ) from None


def floor(instant: datetime, step: timedelta) -> datetime:
    """The latest instant of the UTC grid of `step` that is not after `instant`."""
    aware = _aware(instant)
    return aware - (aware - EPOCH) % step


def ceiling(instant: datetime, step: timedelta) -> datetime:
    """The earliest instant on the UTC grid of `step` at or after this one."""
    below = floor(instant, step)
    return below if below == instant else below + step


def floor_ms(milliseconds: int, step: timedelta) -> int:
    """`floor` for Unix milliseconds."""
    return milliseconds - milliseconds % (step // timedelta(milliseconds=1))


def _aware(instant: datetime) -> datetime:
    if instant.tzinfo is None:
        raise ValueError(f"{instant!r} has no time zone; instants are UTC here")
    return instant
