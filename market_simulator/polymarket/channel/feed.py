"""The market channel's feed: at each beat, what has happened goes to whoever subscribed to it.

A beat is 50 ms of wall time. First everything that has happened since the last beat is sent, then
the first books of new subscriptions at the same instant, so that what follows fits onto them.
"""

from __future__ import annotations

import asyncio
import hashlib
import heapq
import itertools
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from market_simulator.polymarket.channel import frames
from market_simulator.polymarket.channel.clients import Injected, Subscription
from market_simulator.polymarket.channel.teller import Batch, Joined, Teller

if TYPE_CHECKING:
    from collections.abc import Sequence

    from market_simulator.faults import VenueFaults
    from market_simulator.polymarket.channel.clients import Client
    from market_simulator.polymarket.live import Live, News
    from market_simulator.polymarket.removal import Removals
    from market_simulator.polymarket.size import PolymarketLimits
    from market_simulator.rest import Desk

BEAT_S: Final = 0.05
_COPIES: Final = (0, 0, 1, 20, 40, 80)
"""After how many beats each copy of what everybody is told is sent."""
_CUSTOM: Final = ("best_bid_ask", "new_market", "market_resolved")


class _Request(NamedTuple):
    """Assets that a client has subscribed to with one message, and whether it wants their books."""

    client: Client
    assets: dict[str, Subscription]
    dump: bool


class Feed:
    """Who is subscribed to what, and the loop that sends it."""

    def __init__(
        self,
        live: Live,
        desk: Desk,
        faults: VenueFaults,
        limits: PolymarketLimits,
        removals: Removals,
    ) -> None:
        self.clients: set[Client] = set()
        self.injected = Injected()
        self._desk = desk
        self._faults = faults
        self._limits = limits
        self._removals = removals
        self._teller = Teller(live, desk.clock.now_ms())
        self._told_ms = desk.clock.now_ms()
        self._members: dict[str, dict[Client, set[str]]] = {}
        self._followed: set[str] = set()
        self._requests: list[_Request] = []
        self._copies: list[tuple[int, int, str, str]] = []
        self._order = itertools.count()
        self._beats = 0
        self._batches = 0

    def state(self) -> dict[str, Any]:
        """What `GET …/polymarket/stream` says."""
        return {
            "told_until_ms": self._told_ms,
            "beats": self._beats,
            "connections": {
                str(one.number): len(one.assets)
                for one in sorted(self.clients, key=lambda one: one.number)
            },
            "markets": len(self._followed),
            "batches": self._batches,
            "injected": self.injected.counts,
            "newest": list(self.injected.newest),
        }

    def subscribe(self, client: Client, assets: Sequence[str], *, dump: bool = True) -> None:
        """Add assets; those that the client has already get nothing."""
        new = {asset: Subscription() for asset in assets if asset not in client.assets}
        client.assets.update(new)
        if new:
            self._requests.append(_Request(client, new, dump))

    def unsubscribe(self, client: Client, assets: Sequence[str]) -> None:
        """Take assets away."""
        for asset in assets:
            subscription = client.assets.pop(asset, None)
            if subscription is None or not subscription.market:
                continue
            members = self._members[subscription.market]
            members[client].discard(asset)
            if not members[client]:
                del members[client]
            if not members:
                del self._members[subscription.market]

    def leave(self, client: Client) -> None:
        """A client is gone."""
        self.clients.discard(client)
        self.unsubscribe(client, list(client.assets))

    async def run(self) -> None:
        """Send frames until cancelled."""
        while True:
            await self.beat()
            await asyncio.sleep(BEAT_S)

    async def beat(self) -> None:
        """Send what is due now."""
        now_ms = self._desk.clock.now_ms()
        requests, self._requests = self._requests, []
        wanted = [asset for request in requests for asset in request.assets]
        left = self._followed - self._members.keys()
        told = await self._desk.work(lambda: self._teller.tell(wanted, left, now_ms))
        self._followed -= left
        self._told_ms = now_ms
        for batch in told.batches:
            self._send_batch(batch)
        for request in requests:
            self._send_books(request, told.joined)
        self._announce(told.news)
        self._beats += 1

    def _send_batch(self, batch: Batch) -> None:
        members = self._members.get(batch.market)
        if not members or self._removals.gone(batch.market):
            return
        self._batches += 1
        for frame in self._spoilt(batch) if self._faults.in_force else batch.frames:
            for client, assets in list(members.items()):
                if frame.asset and not client.live(frame.asset):
                    continue
                if not frame.asset and not any(map(client.live, assets)):
                    continue
                if frame.event_type in _CUSTOM and not client.custom:
                    continue
                if frame.event_type == "book" and len(client.assets) > self._limits.assets:
                    continue
                client.data(frame.event_type, batch.market, frame.text)

    def _spoilt(self, batch: Batch) -> Sequence[frames.Frame]:
        """The frames, perhaps with hashes of something else, the same ones in all of them."""
        kinds = {frame.event_type for frame in batch.frames} & {"price_change", "book"}
        kind = min(kinds, default="")
        if not kind or not self._faults.strike("wrong_hash", channel=kind, coin=batch.market):
            return batch.frames
        spoilt = list(batch.frames)
        for right in batch.hashes:
            wrong = hashlib.sha1(right.encode(), usedforsecurity=False).hexdigest()
            spoilt = [f._replace(text=f.text.replace(right, wrong)) for f in spoilt]
            self.injected.note("wrong_hash", kind, market=batch.market, right=right, wrong=wrong)
        return spoilt

    def _send_books(self, request: _Request, joined: dict[str, Joined]) -> None:
        """The first books of a request, in one array; changes are sent from now on."""
        client, books, names = request.client, [], set()
        for asset, subscription in request.assets.items():
            if client.assets.get(asset) is not subscription or asset not in joined:
                continue  # taken back meanwhile, or unknown
            market, book = joined[asset]
            subscription.market, subscription.live = market, True
            self._members.setdefault(market, {}).setdefault(client, set()).add(asset)
            if book is None or self._removals.gone(market):
                continue
            if not request.dump or len(client.assets) > self._limits.assets:
                continue
            if self._faults.strike("no_snapshot", channel="book", coin=market):
                self.injected.note("no_snapshot", "book", connection=client.number, asset=asset)
                continue
            books.append(frames.first_book(book))
            names.add(market)
        self._followed |= {joined[asset].market for asset in request.assets if asset in joined}
        if books:
            name = names.pop() if len(names) == 1 else ""
            client.data("book", name, frames.text_of(books))

    def _announce(self, news: Sequence[News]) -> None:
        """Tell everybody who wants to know, several times."""
        for one in news:
            text = frames.text_of(one.body | {"event_type": one.event_type})
            for beats in _COPIES:
                due = (self._beats + beats, next(self._order), one.event_type, text)
                heapq.heappush(self._copies, due)
        while self._copies and self._copies[0][0] <= self._beats:
            _, _, event_type, text = heapq.heappop(self._copies)
            for client in list(self.clients):
                if client.custom:
                    client.data(event_type, "", text)
