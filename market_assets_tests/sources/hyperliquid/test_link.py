"""One socket's talk without a socket: what is said next depends on what was heard meanwhile."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from market_assets.clock import ManualClock
from market_assets.sources.hyperliquid.ledger import Brake
from market_assets.sources.hyperliquid.link import Link
from market_assets.sources.hyperliquid.messages import Subscription
from market_assets.sources.hyperliquid.shared import Shared, Tally
from market_assets.sources.stream import Pacer

from .exchange import Sink, quick
from .payloads import frame

if TYPE_CHECKING:
    from collections.abc import Callable

ALL = [Subscription("candle", name, "1m") for name in "ABCDEF"]


def said_by(wanted: list[Subscription], hear: Callable[[Link, int], None]) -> list[str]:
    """What a link says, as `+A` or `-A`, where `hear` happens after its n-th message."""
    clock = ManualClock(datetime(2026, 11, 20, tzinfo=UTC))
    link = Link(
        Shared(
            url="ws://venue.invalid",
            sink=Sink(),
            clock=clock,
            policy=quick(),
            tally=Tally(),
            brake=Brake(),
            connects=Pacer(100, 60, clock),
            messages=Pacer(100, 60, clock),
        )
    )
    said: list[str] = []

    async def send(text: str) -> None:
        request = json.loads(text)
        sign = "+" if request["method"] == "subscribe" else "-"
        said.append(sign + request["subscription"]["coin"])
        hear(link, len(said))

    async def story() -> None:
        link.want(wanted)
        link.opened()
        talking = asyncio.create_task(link.talk(send))
        for _ in range(50):
            await asyncio.sleep(0)
        talking.cancel()
        await asyncio.wait([talking])

    asyncio.run(story())
    return said


def test_a_limit_stops_what_was_about_to_be_said() -> None:
    """The exchange names its limit while a long list is being sent: the rest of it waits."""

    def hear(link: Link, count: int) -> None:
        if count == 3:
            link.received(frame("error", "Cannot subscribe to more than 2 channels."))

    assert said_by(ALL, hear) == ["+A", "+B", "+C"]


def test_a_change_of_mind_stops_it_too() -> None:
    """What is not wanted any more is not asked for first and ended afterwards."""

    def hear(link: Link, count: int) -> None:
        if count == 2:
            link.want(ALL[1:2] + ALL[5:])

    assert said_by(ALL, hear) == ["+A", "+B", "-A", "+F"]
