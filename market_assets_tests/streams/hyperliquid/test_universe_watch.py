"""When the venue's lists are read, and what one odd answer changes: nothing."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from market_assets.clock import ManualClock
from market_assets.sources.errors import VenueUnavailable
from market_assets.sources.hyperliquid.model import Listing, Universe
from market_assets.streams.hyperliquid import universe_watch
from market_assets.streams.hyperliquid.options import HyperliquidOptions
from market_assets.streams.hyperliquid.universe_watch import SECOND_LOOK_S, UniverseWatch

if TYPE_CHECKING:
    from market_assets.streams.hyperliquid.targets import Targets

NOW = datetime(2026, 3, 1, tzinfo=UTC)
EVERY_S = HyperliquidOptions().universe_interval.total_seconds()


def universe(*symbols: str) -> Universe:
    listings = (Listing(s, "perp", "", s, 2, 10, False, False, 1.0, None) for s in symbols)
    return Universe(tuple(listings), {}, {})


class Hurried(ManualClock):
    """Time passes by being asked for, a second each time."""

    def monotonic(self) -> float:
        self.advance(1.0)
        return self.elapsed


@dataclass
class Venue:
    """Answers one after the other; the last one again and again."""

    clock: Hurried
    answers: list[Universe | Exception]
    asked_at: list[float] = field(default_factory=list)

    def universe(self) -> Universe:
        self.asked_at.append(self.clock.elapsed)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


def follow(
    answers: list[Universe | Exception], looks: int, monkeypatch: pytest.MonkeyPatch
) -> tuple[Venue, list[tuple[str, ...]], UniverseWatch]:
    """The symbols that were streamed after each answer, until so many looks were taken."""
    monkeypatch.setattr(universe_watch, "_SLEEP_S", 0.0)
    clock = Hurried(NOW)
    venue = Venue(clock, answers)
    seen: list[tuple[str, ...]] = []

    def take(targets: Targets, _: str | None) -> None:
        seen.append(tuple(sorted(targets.symbols)))

    watch = UniverseWatch(
        client=cast("Any", venue),
        store=cast("Any", SimpleNamespace()),
        options=HyperliquidOptions(),
        clock=clock,
        unknown=list,
        on_targets=take,
    )

    async def story() -> None:
        task = asyncio.create_task(watch.run())
        while len(venue.asked_at) < looks or len(seen) < looks - sum(
            isinstance(answer, Exception) for answer in answers
        ):
            assert not task.done(), task.result()
            await asyncio.sleep(0)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task

    asyncio.run(asyncio.wait_for(story(), 30))
    return venue, seen, watch


def test_what_an_answer_lacks_is_asked_for_again_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    whole, cut = universe("A", "B"), universe("A")
    venue, seen, _ = follow([whole, cut, whole, whole], 4, monkeypatch)
    assert seen == [("A", "B")] * 4
    first, second, third, fourth = venue.asked_at
    assert second - first == pytest.approx(EVERY_S, abs=10)
    assert third - second == pytest.approx(SECOND_LOOK_S, abs=10)
    assert fourth - third == pytest.approx(EVERY_S, abs=10)


def test_what_two_answers_lack_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    whole, cut = universe("A", "B"), universe("A")
    _, seen, _ = follow([whole, cut, cut], 3, monkeypatch)
    assert seen == [("A", "B"), ("A", "B"), ("A",)]


@pytest.mark.parametrize("error", [VenueUnavailable("hyperliquid", "away"), ZeroDivisionError("?")])
def test_no_failure_of_the_lists_ends_the_stream(
    error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, seen, watch = follow([universe("A"), error, universe("A", "B")], 3, monkeypatch)
    assert seen[-1] == ("A", "B")
    assert watch.error is None
