"""When events open, end and close: slots that hold one event after the other, for ever.

A slot is a place in the catalogue with a period. Its generations follow each other without a gap:
generation g has its own time in [start + g·period, start + (g+1)·period), is opened some lead
before that and closes a little after its end. So the number of open events stays the same, the
catalogue changes all the time, and what is open at an instant needs no memory. An event's number is
`generation · slots + slot`, so newer events of a slot have larger numbers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from market_simulator.randomness import hash_of, hashed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from market_simulator.randomness import I64

BEGAN_MS: Final = 1_577_836_800_000
"""2020-01-01: generation 0."""
_DELAY_BITS: Final = 40


class Slot(NamedTuple):
    """A place in the catalogue; all times in Unix milliseconds or milliseconds.

    Attributes:
        family: which kind of event it holds.
        subject: what it is about, for families that are about one thing: an asset, say.
        start_ms: the beginning of generation 0; at or after `BEGAN_MS`.
        period_ms: how long a generation's own time lasts.
        lead_ms: how long before that it is opened.
        delay_ms: within which time after its end it is closed.
        weight: how much of the trading it draws.
    """

    family: str
    subject: str
    start_ms: int
    period_ms: int
    lead_ms: int
    delay_ms: int
    weight: float

    @property
    def recurs(self) -> bool:
        """Whether its events are announced ahead, as those of up/down series are."""
        return self.lead_ms > 0


class Calendar:
    """The lives of all events of a list of slots."""

    def __init__(self, slots: Sequence[Slot], key: int) -> None:
        self.slots = slots
        self.count = len(slots)
        self._key = key
        self._start = np.array([s.start_ms for s in slots], np.int64)
        self._period = np.array([s.period_ms for s in slots], np.int64)
        self._lead = np.array([s.lead_ms for s in slots], np.int64)
        self._delay = np.array([s.delay_ms for s in slots], np.int64)
        self._weights = np.cumsum([s.weight for s in slots])

    def slot(self, number: int) -> Slot:
        """The slot of an event."""
        return self.slots[number % self.count]

    def opened_ms(self, number: int) -> int:
        return self.begins_ms(number) - self.slot(number).lead_ms

    def begins_ms(self, number: int) -> int:
        """When its own time begins."""
        slot = self.slot(number)
        return slot.start_ms + number // self.count * slot.period_ms

    def ends_ms(self, number: int) -> int:
        return self.begins_ms(number) + self.slot(number).period_ms

    def closed_ms(self, number: int) -> int:
        delay = (hash_of(self._key, number) >> (64 - _DELAY_BITS)) % self.slot(number).delay_ms
        return self.ends_ms(number) + delay

    def exists(self, number: int, now_ms: int) -> bool:
        return number >= 0 and self.opened_ms(number) <= now_ms

    def open_at(self, now_ms: int) -> I64:
        """The numbers of all events that are open, ascending."""
        first = self._generation(now_ms - self._period - self._delay)
        numbers = self._numbers(first, self._generation(now_ms + self._lead))
        return numbers[self._closed_ms(numbers) > now_ms]

    def ended_in(self, from_ms: I64 | int, to_ms: int, now_ms: int) -> I64:
        """The numbers of closed events that ended in [from, to], ascending; `from` per slot."""
        last = self._generation(min(to_ms, now_ms) - self._period)
        numbers = self._numbers(self._generation(from_ms - 1 - self._period) + 1, last)
        return numbers[self._closed_ms(numbers) <= now_ms]

    def running(self, draws: np.ndarray[tuple[int], np.dtype[np.float64]], at_ms: I64) -> I64:
        """For each draw in [0, 1) a slot by weight, and its event whose own time it then is."""
        slots = np.searchsorted(self._weights, draws * self._weights[-1], side="right")
        generations = (at_ms - self._start[slots]) // self._period[slots]
        return np.asarray(generations * self.count + slots, np.int64)

    def part_of_trading(self, number: int) -> float:
        """Which part of all trading goes to an event in its own time."""
        return self.slot(number).weight / float(self._weights[-1])

    def _generation(self, at_ms: I64 | int) -> I64:
        """Per slot, the newest generation whose own time has begun."""
        return np.asarray((at_ms - self._start) // self._period, np.int64)

    def _numbers(self, first: I64, last: I64) -> I64:
        """The numbers of generations first … last of each slot, ascending; none before 0."""
        first = np.maximum(first, 0)
        counts = np.maximum(last - first + 1, 0)
        slots = np.repeat(np.arange(self.count), counts)
        within = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
        return np.sort((first[slots] + within) * self.count + slots)

    def _closed_ms(self, numbers: I64) -> I64:
        slots, generations = numbers % self.count, numbers // self.count
        ends = self._start[slots] + (generations + 1) * self._period[slots]
        hashes = hashed(np.uint64(self._key), numbers) >> np.uint64(64 - _DELAY_BITS)
        return np.asarray(ends + hashes.astype(np.int64) % self._delay[slots], np.int64)
