"""The session's clock: the machine's wall clock, believed only as far as the venue agrees.

A wall clock is set by people, by NTP and by a resume from suspend; a row stamped by a wrong one is
wrong for good. So a session runs on the monotonic clock from an anchor. Small differences from the
wall clock are followed; a jump puts the time *in doubt*, until the minutes in the venue's own
candle frames tell which of the two is right, or until nothing has told for a while. While in
doubt, what needs the time waits in memory (`recorder.py`).

Not here: what is done with the time, and what is repaired after it was wrong.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from market_assets.clock import to_ms

if TYPE_CHECKING:
    from market_assets.clock import Clock

MINUTE_MS: Final = 60_000
TOLERANCE_S: Final = 2.0
"""Differences that NTP slewing and scheduling explain; anything greater is a jump."""
EARLY_MS: Final = 10_000
"""How far ahead of this clock a frame's minute may begin: clocks of machine and venue differ."""
LATE_MS: Final = 75_000
"""How old the minute of a fresh frame may be: its 60 s, and 15 s of lag."""
PATIENCE_S: Final = 90.0
"""How long to wait for a frame that settles a doubt, before the wall clock is simply believed."""
START_PATIENCE_S: Final = 10.0
"""How long a session waits for its first frames to confirm the clock that it starts with."""
QUORUM: Final = 3
"""Symbols whose frames must agree: one symbol's nonsense does not set the clock."""
FINE_S: Final = 0.001
_NEVER: Final = (float("-inf"), datetime.min.replace(tzinfo=UTC))
_HELD_MINUTES: Final = 32


class VenueClock:
    """A `Clock` whose `now` follows the wall clock, but not where the venue contradicts it.

    One thread calls `tick` and `witness`; any thread may ask for the time.

    Attributes:
        jumps: how often the wall clock was seen to jump.
        quorum: how many symbols must agree while nothing is certain; fewer than `QUORUM` where
            fewer are subscribed.
        sure_until_ms: a frame whose minute begins no later need not be told to `witness`; 0 while
            frames are listened to, in doubt and until some have confirmed the clock.
    """

    def __init__(self, base: Clock) -> None:
        self._base = base
        self._zero_us = to_ms(base.now()) * 1000 - _us(base.monotonic())
        self._last = _NEVER
        self.jumps = 0
        self.quorum = QUORUM
        self.sure_until_ms = 0
        self._verified = False
        self._starting = True
        self._started = base.monotonic()
        self._doubt = False
        self._coarse = False
        self._refused: float | None = None
        self._doubted = 0.0
        self._doubt_since = 0.0
        self._newest = 0
        self._newest_since = 0.0
        self._first_minute = 0
        self._for_wall: set[str] = set()
        self._for_self: set[str] = set()
        self._for_venue: set[str] = set()
        self._ahead: dict[int, set[str]] = {}
        self._shift = 0.0

    def now(self) -> datetime:
        """The present instant, UTC, to a millisecond: a burst of frames asks for each."""
        elapsed = self._base.monotonic()
        last_elapsed, last = self._last
        if not 0.0 <= elapsed - last_elapsed < FINE_S:
            last = self.at(elapsed)
            self._last = (elapsed, last)
        return last

    def monotonic(self) -> float:
        """Seconds since some fixed instant."""
        return self._base.monotonic()

    def at(self, elapsed: float) -> datetime:
        """The instant of a monotonic reading, as far as is known now."""
        return datetime.fromtimestamp((self._zero_us + _us(elapsed)) / 1e6, UTC)

    def elapsed_at(self, milliseconds: int) -> float:
        """The monotonic reading at a Unix time: the inverse of `at`."""
        return (milliseconds * 1000 - self._zero_us) / 1e6

    def take_shift(self) -> float:
        """Seconds by which `now` was set since this was last asked; 0.0 if it only ran on."""
        shift, self._shift = self._shift, 0.0
        return shift

    @property
    def in_doubt(self) -> bool:
        """Whether `now` is only provisional: after a jump, and until the first frames came."""
        return self._doubt or self._starting

    @property
    def wall_offset(self) -> float:
        """Seconds by which the machine's wall clock is ahead of this one."""
        return (self._base.now() - self.now()).total_seconds()

    def tick(self) -> None:
        """Compare with the wall clock; to be called every second or so."""
        offset = self.wall_offset
        if abs(offset) <= TOLERANCE_S:
            self._set(offset)
            self._refused = None
            self._doubt = self._coarse
        elif self._refused is not None and abs(offset - self._refused) <= TOLERANCE_S:
            self._refused = offset
        elif not self._doubt or abs(offset - self._doubted) > TOLERANCE_S:
            self._begin_doubt(offset)
        if self._doubt and self.monotonic() - self._doubt_since > PATIENCE_S:
            self._give_up(offset)
        if self._starting and self.monotonic() - self._started > START_PATIENCE_S:
            self._starting = False
        sure = self._verified and not self.in_doubt
        self.sure_until_ms = to_ms(self.now()) + EARLY_MS if sure else 0

    def witness(self, symbol: str, open_ms: int) -> bool:
        """Hear of the minute in a candle frame that has just come.

        Returns:
            Whether the frame may be used now; False when its minute has not begun by this clock,
            in which case it may be nonsense, or the clock may be behind.
        """
        age = (self._zero_us + _us(self.monotonic())) // 1000 - open_ms
        if age < -EARLY_MS:
            return self._from_ahead(symbol, open_ms)
        if self.in_doubt or not self._verified:
            self._weigh(symbol, open_ms, age)
        return True

    def _begin_doubt(self, offset: float) -> None:
        self.jumps += 1
        if not self._doubt:
            self._doubt_since = self.monotonic()
        self._doubt = True
        self._doubted = offset
        self._refused = None
        self._forget_votes()

    def _forget_votes(self) -> None:
        self._newest = self._first_minute = 0
        self._for_wall.clear()
        self._for_self.clear()
        self._for_venue.clear()
        self._ahead.clear()

    def _from_ahead(self, symbol: str, open_ms: int) -> bool:
        """A minute that has not begun: nonsense of one symbol, or this clock is behind."""
        voices = self._ahead.setdefault(open_ms, set())
        voices.add(symbol)
        while len(self._ahead) > _HELD_MINUTES:
            del self._ahead[min(self._ahead, key=lambda ms: (len(self._ahead[ms]), ms))]
        settled = self._verified and not self._doubt
        if len(voices) < (QUORUM if settled else self.quorum):
            return False
        offset = self.wall_offset
        if _plausible(to_ms(self._base.now()) - open_ms):
            self._settle(offset)
        else:
            self._approximate(open_ms)
        return True

    def _weigh(self, symbol: str, open_ms: int, age: int) -> None:
        """Count a frame for the wall clock or for this one; enough of them decide."""
        if open_ms < self._newest:
            return
        if open_ms > self._newest:
            self._newest = open_ms
            self._newest_since = self.monotonic()
            self._for_venue.clear()
        self._first_minute = self._first_minute or open_ms
        if self._coarse:
            if open_ms > self._first_minute:
                self._anchor(open_ms)
            return
        voices = self._side_of(open_ms, age)
        if voices is not None:
            voices.add(symbol)
            if len(voices) >= self.quorum:
                self._decide(voices, open_ms)

    def _decide(self, voices: set[str], open_ms: int) -> None:
        if voices is self._for_self:
            self._keep()
        elif voices is self._for_venue:
            self._anchor(open_ms)
        elif self._doubt:
            self._settle(self.wall_offset)
        elif len(voices) >= QUORUM:
            # Frames older than the clock would have them: one or two symbols' may just be late.
            self._approximate(open_ms)

    def _side_of(self, open_ms: int, age: int) -> set[str] | None:
        """What a frame of that age speaks for: this clock, the wall clock, or nothing."""
        if not self._doubt:
            if _plausible(age):
                return self._for_self
            return self._for_wall if age > LATE_MS else None
        wall_age = age + round(self.wall_offset * 1000)
        if _plausible(age) and _plausible(wall_age):
            return self._side_within_minute(open_ms, age, wall_age)
        if _plausible(age):
            return self._for_self
        return self._for_wall if _plausible(wall_age) else None

    def _side_within_minute(self, open_ms: int, age: int, wall_age: int) -> set[str] | None:
        """Both readings lie in the frame's minute: its first frames tell them apart.

        They come within a moment of its start; later ones would speak for the slower clock.
        """
        late = self.monotonic() - self._newest_since > TOLERANCE_S
        if open_ms == self._first_minute or late:
            return None
        if min(abs(age), abs(wall_age)) > EARLY_MS:
            return self._for_venue
        return self._for_wall if abs(wall_age) < abs(age) else self._for_self

    def _keep(self) -> None:
        """This clock is right; where the wall differs, it is wrong until it changes again."""
        offset = self.wall_offset
        self._refused = offset if abs(offset) > TOLERANCE_S else None
        self._doubt = self._starting = False
        self._verified = True
        self._forget_votes()

    def _settle(self, offset: float) -> None:
        """The wall clock is right."""
        self._move(offset)
        self._coarse = False
        self._keep()

    def _give_up(self, offset: float) -> None:
        """The venue sends no candles to tell by: go by the wall, but listen on."""
        if self._coarse:
            self._coarse = False
            self._keep()
        else:
            self._settle(offset)
            self._verified = False

    def _approximate(self, open_ms: int) -> None:
        """Neither clock can be right. The minute is known; the second, when the next one begins."""
        self.jumps += 1
        self._move((open_ms + MINUTE_MS // 2 - to_ms(self.now())) / 1000)
        self._coarse = self._doubt = True
        self._doubted = self.wall_offset
        self._doubt_since = self.monotonic()
        self._forget_votes()
        self._newest = self._first_minute = open_ms

    def _anchor(self, open_ms: int) -> None:
        """A minute has just begun, says the venue."""
        self._move((open_ms - to_ms(self.now())) / 1000)
        self._coarse = False
        self._keep()

    def _move(self, seconds: float) -> None:
        self.sure_until_ms = 0
        self._set(seconds)
        self._shift += seconds

    def _set(self, seconds: float) -> None:
        self._zero_us += _us(seconds)
        self._last = _NEVER


def _us(seconds: float) -> int:
    return round(seconds * 1e6)


def _plausible(age_ms: int) -> bool:
    """Whether a fresh frame can have a minute that began so long ago."""
    return -EARLY_MS <= age_ms <= LATE_MS
