"""Whatever happens to the symbols of a stream, its record of holes stays true."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from datetime import UTC, datetime

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from market_assets.streams.candles.candle_book import Hole
from market_assets.streams.candles.heal_plan import HealPlan
from market_assets.streams.candles.holes import Found, Gap, Span, missing, union

NOW = datetime(2026, 3, 8, 12, 30, tzinfo=UTC)
SYMBOLS = ("A", "B", "C")
KEEP = 30
"""A minute lasts one here, and is kept for thirty."""


class Histories(RuleBasedStateMachine):
    """Streaming, losing, healing, leaving and coming back, beside a model made of sets.

    `present` and `rows` are the database: candles, and gaps by their key. `answered` is what the
    venue was asked for while it had it.
    """

    def __init__(self) -> None:
        super().__init__()
        self.plan = HealPlan()
        self.now = 100
        self.streamed: set[str] = set()
        self.listed: set[str] = set(SYMBOLS)
        self.since: dict[str, int] = {}
        self.present: dict[str, set[int]] = defaultdict(set)
        self.answered: dict[str, set[int]] = defaultdict(set)
        self.rows: dict[tuple[str, int], Gap] = {}

    @rule(minutes=st.integers(1, 20))
    def time_passes(self, minutes: int) -> None:
        """The streamed symbols have their candles."""
        for symbol in self.streamed:
            self.present[symbol] |= set(range(self.now, self.now + minutes))
        self.now += minutes

    @rule(symbol=st.sampled_from(SYMBOLS), minutes=st.integers(1, 10))
    def minutes_are_missed(self, symbol: str, minutes: int) -> None:
        if symbol in self.streamed:
            hole = Hole(symbol, self.now, self.now + minutes, "reconnect")
            self.write(self.plan.add("1m", [hole], NOW))
            for other in self.streamed - {symbol}:
                self.present[other] |= set(range(self.now, self.now + minutes))
            self.now += minutes

    @rule(keep=st.sets(st.sampled_from(SYMBOLS)), listed=st.sets(st.sampled_from(SYMBOLS)))
    def the_ranking_changes(self, keep: set[str], listed: set[str]) -> None:
        """Some leave, some come (back): these are looked up in the database."""
        self.listed = listed
        keep &= listed
        new = keep - self.streamed
        self.streamed = keep
        self.write(self.plan.forget(keep, listed))
        self.look_up(sorted(new))

    @rule()
    def the_session_ends_and_another_begins(self) -> None:
        self.plan = HealPlan()
        self.look_up(sorted(self.streamed))

    def look_up(self, symbols: list[str]) -> None:
        limits = Span(self.now - KEEP, self.now)
        holes, open_gaps = [], []
        for symbol in symbols:
            gaps = [
                replace(gap)
                for (name, _), gap in self.rows.items()
                if name == symbol and gap.end_ms > limits.start_ms
            ]
            open_gaps += [gap for gap in gaps if gap.healed_at is None]
            have = union(Span(at, at + 1) for at in self.present[symbol])
            holes += [Hole(symbol, *span, "downtime") for span in missing(limits, have, gaps)]
        found = Found({"1m": holes}, {"1m": limits.start_ms}, open_gaps, {})
        self.write(self.plan.begin(found, NOW))

    @rule(part=st.floats(0.0, 1.0), has=st.booleans())
    def the_venue_answers(self, part: float, has: bool) -> None:  # noqa: FBT001 - drawn by hypothesis
        """For the beginning of what it is asked for, with candles or with none."""
        work = self.plan.pick(0.0)
        if work is None:
            return
        self.write(self.plan.expire(work, self.now - KEEP, NOW))
        if not work.spans:
            return
        start, end = work.spans[0].start_ms, work.spans[-1].end_ms
        end = start + max(1, round((end - start) * part))
        asked = {at for span in work.spans for at in range(*span) if at < end}
        self.answered[work.symbol] |= asked
        if has:
            self.present[work.symbol] |= asked
        self.write(self.plan.healed(work, Span(0, end), sorted(asked) if has else [], NOW))

    def write(self, gaps: list[Gap]) -> None:
        for gap in gaps:
            self.rows[gap.symbol, gap.start_ms] = replace(gap)

    @invariant()
    def nothing_is_called_healed_that_was_neither_answered_nor_there(self) -> None:
        for (symbol, _), gap in self.rows.items():
            if gap.healed_at is not None:
                told = self.answered[symbol] | self.present[symbol]
                assert set(range(*gap.span)) <= told, gap

    @invariant()
    def what_is_missing_of_the_streamed_is_on_record_and_is_asked_for(self) -> None:
        """As far back as it was looked for, or is kept."""
        for symbol in self.streamed:
            work = self.plan._work.get(("1m", symbol))
            asked = {at for span in (work.spans if work else []) for at in range(*span)}
            gaps = self.plan._gaps.get(("1m", symbol), [])
            assert asked <= {at for gap in gaps for at in range(*gap.span)}
            healed = {
                at
                for (name, _), gap in self.rows.items()
                if name == symbol and gap.healed_at is not None
                for at in range(*gap.span)
            }
            kept = set(range(max(100, self.now - KEEP), self.now))
            assert kept - self.present[symbol] - self.answered[symbol] - healed <= asked

    @invariant()
    def only_what_is_healed_is_counted_as_open(self) -> None:
        """A hole that nobody heals says so, and is not counted."""
        assert {key[1] for key in self.plan._gaps} <= self.streamed
        counted = {(gap.symbol, gap.start_ms) for gs in self.plan._gaps.values() for gap in gs}
        assert self.plan.open_holes == len(counted)
        for key, gap in self.rows.items():
            if gap.symbol not in self.streamed and gap.healed_at is None:
                was_lost = gap.end_ms <= self.now - KEEP
                assert was_lost or gap.cause in {"unlisted", "unsubscribed"}, (key, gap)


TestHistories = Histories.TestCase
TestHistories.settings = settings(max_examples=150, stateful_step_count=30, deadline=None)
