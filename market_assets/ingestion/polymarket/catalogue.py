"""The catalogue: every open event with its markets, and the final state of those that closed.

The walk is written page by page, so memory stays that of a few pages however long the list is, and
what was read stays when the venue goes away in the middle. Only a walk that reached its end says
what is no longer open; that is then looked up by id. What is not found there time after time was
taken back by the venue: it is unlisted (`ingestion/listing.py`), and looked up no more.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Final

import polars as pl

from market_assets.ingestion import listing
from market_assets.ingestion.polymarket.market_rows import market_rows
from market_assets.ingestion.queries import query
from market_assets.ingestion.silence import ENOUGH_TO_JUDGE, refuse_silence
from market_assets.ingestion.snapshots import replace_whole
from market_assets.sources.polymarket import frames
from market_assets.sources.polymarket.host import VENUE
from market_assets.storage.common.changes import Change, Merge, Written
from market_assets.tables import POLYMARKET_EVENTS, POLYMARKET_MARKETS, POLYMARKET_TAGS

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from market_assets.clock import Clock
    from market_assets.sources.polymarket.gamma import GammaClient
    from market_assets.sources.polymarket.model import Event, Market
    from market_assets.storage.api import Store
    from market_assets.storage.common.runs import IngestionRun
    from market_assets.tables import TableSpec

_EVENTS_A_WRITE: Final = 300
"""Events in one transaction: three pages, 1,300 markets. A walk of 10,000 events then needs 105 MB
beside its libraries; with ten pages it needs 130, and a tenth less time in the database."""
_LOOKUPS: Final = 3000
"""Ids that one run looks up at most: fifty requests. The rest waits for the next run."""


@dataclass
class Discovery:
    """What a walk did.

    Attributes:
        events: what was written of events; None where they were not wanted.
        markets: the same of markets.
        pages: pages of the open list.
        is_whole: the walk came to the end of the list.
        open_events: events on it.
        open_markets: markets in them.
        looked_up: events and markets asked for by id, because they left the list or wait for the
            oracle.
        not_found: those of them that the answers did not name.
        unlisted: those of them that now count as taken back, by table.
        rejected: entries that make no sense, by id, with the reason.
    """

    events: Written | None = None
    markets: Written | None = None
    pages: int = 0
    is_whole: bool = True
    open_events: int = 0
    open_markets: int = 0
    looked_up: int = 0
    not_found: int = 0
    unlisted: dict[str, int] = field(default_factory=dict)
    rejected: dict[str, str] = field(default_factory=dict)

    @property
    def written(self) -> tuple[Written, ...]:
        """What was written, for the metadata of both assets."""
        return tuple(one for one in (self.events, self.markets) if one is not None)


class Catalogue:
    """Events and markets in the store, kept as the venue lists them.

    Args:
        client: the venue.
        store: where they are kept.
        clock: for the time of receipt.
        runs: what the rows are counted in; their assets say which of the two tables is written.
        most_pages: pages that a walk reads at most; None: all. What a walk that was cut short did
            not see is taken for closed only once its end has passed.
    """

    def __init__(
        self,
        client: GammaClient,
        store: Store,
        *,
        clock: Clock,
        runs: Sequence[IngestionRun],
        most_pages: int | None = None,
    ) -> None:
        self._client = client
        self._store = store
        self._clock = clock
        self._runs = tuple(runs)
        self._wanted = {run.asset_key for run in runs}
        self._most_pages = most_pages
        self.done = Discovery()

    def refresh(self) -> Discovery:
        """Walk the open list, then look up what left it.

        Raises:
            VenueNonsense: the list is empty, and the store knows of open events.
            VenueError: the walk broke off, or ids could not be looked up; what was read is stored.
        """
        seen_events, seen_markets = self._walk()
        self._look_up_events(self._left("open_events", seen_events))
        # Markets that came with their events are up to date now; what is left, left alone.
        self._look_up_markets(self._left("open_markets", seen_markets))
        return self.done

    def _walk(self) -> tuple[set[str], set[str]]:
        """Write the open list; the ids of its events and of their markets."""
        seen_events: set[str] = set()
        seen_markets: set[str] = set()
        batch: list[Event] = []
        for page in self._client.event_pages(active=True, closed=False):
            self.done.pages += 1
            self.done.rejected |= page.rejected
            for event in page.events:
                seen_events.add(event.event_id)
                seen_markets.update(market.condition_id for market in event.markets)
            batch += page.events
            if len(batch) >= _EVENTS_A_WRITE:
                self._write(batch)
                batch = []
            if self.done.pages == self._most_pages and page.next_cursor is not None:
                self.done.is_whole = False
                break
        self._write(batch)
        self.done.open_events, self.done.open_markets = len(seen_events), len(seen_markets)
        return seen_events, seen_markets

    def _left(self, question: str, seen: Collection[str]) -> list[str]:
        """Ids that the store has as open, or as closed without a result, and the walk did not see.

        The latest come first: with more than a run can look up, the rest waits.
        """
        params = {"now": self._clock.now(), "is_whole": self.done.is_whole}
        stored = self._store.read(query("polymarket", question), params)
        refuse_silence(VENUE, "/events/keyset", known=stored.height, answered=len(seen))
        unseen = (id_ for id_ in stored["id"].to_list() if id_ not in seen)
        return list(islice(unseen, _LOOKUPS))

    def _look_up_events(self, ids: Sequence[str]) -> None:
        if not ids or POLYMARKET_EVENTS.name not in self._wanted:
            return
        answer = self._client.events(ids)
        self.done.rejected |= answer.rejected
        self._write(answer.events)
        found = {event.event_id for event in answer.events}
        self._judge(POLYMARKET_EVENTS, ids, found, _named("event", answer.rejected))

    def _look_up_markets(self, ids: Sequence[str]) -> None:
        if not ids or POLYMARKET_MARKETS.name not in self._wanted:
            return
        answer = self._client.markets(ids)
        self.done.rejected |= answer.rejected
        self._write((), answer.markets)
        found = {market.condition_id.lower() for market in answer.markets}
        self._judge(POLYMARKET_MARKETS, ids, found, _named("market", answer.rejected))

    def _judge(
        self,
        table: TableSpec,
        asked: Sequence[str],
        found: Collection[str],
        unread: Collection[str],
    ) -> None:
        """Count what a good answer did not name, once more or as unlisted.

        Args:
            table: whose rows these are.
            asked: what was asked for by name.
            found: what the answer named.
            unread: names of what it held and could not be read, or gave no answer about; a name
                that was not asked for ('[3]', another of its ids) may be that of any, and nothing
                is judged by such an answer.
        """
        absent = [id_ for id_ in asked if id_.lower() not in found]
        self.done.looked_up += len(asked)
        self.done.not_found += len(absent)
        absent = [id_ for id_ in absent if id_ not in unread]
        known = {id_.lower() for id_ in (*asked, *found)}
        if not absent or {name.lower() for name in unread} - known:
            return
        stored = self._store.read(
            f"select * from {table.name} where list_contains($ids, {table.key[0]})",  # noqa: S608 - names of the spec
            {"ids": absent},
        )
        silent = not found and len(asked) >= ENOUGH_TO_JUDGE
        missed = listing.missed(stored, self._clock.now(), silent=silent)
        gone = missed.filter(~pl.col("is_listed")).height
        if gone:
            self.done.unlisted[table.name] = gone
        self._put([Merge(table, missed)])

    def _write(self, events: Iterable[Event], markets: Iterable[Market] = ()) -> None:
        """Events, their markets and further markets, in one transaction."""
        events = list(events)
        markets = [*(market for event in events for market in event.markets), *markets]
        now = self._clock.now()
        changes: list[Change] = []
        if POLYMARKET_EVENTS.name in self._wanted and events:
            changes.append(Merge(POLYMARKET_EVENTS, frames.events(events, now)))
        if POLYMARKET_MARKETS.name in self._wanted and markets:
            changes.append(Merge(POLYMARKET_MARKETS, market_rows(self._store, markets, now)))
        self._put(changes)

    def _put(self, changes: Sequence[Change]) -> None:
        if not changes:
            return
        for written in self._store.write(*changes, runs=self._runs):
            if written.table == POLYMARKET_EVENTS.name:
                self.done.events = _sum(self.done.events, written)
            else:
                self.done.markets = _sum(self.done.markets, written)


@dataclass(frozen=True)
class TagsRead:
    """What was written of tags, and which could not be read."""

    written: Written
    sports: int
    rejected: dict[str, str]


def read_tags(
    client: GammaClient,
    store: Store,
    *,
    clock: Clock,
    run: IngestionRun | None = None,
    believe: bool = False,
) -> TagsRead:
    """All tags; `is_sport` where a sport of the venue names one. Tags that are gone are deleted.

    Args:
        client: the catalogue.
        store: where they go.
        clock: the time of receipt.
        run: what the rows are counted in.
        believe: whatever the list lacks is deleted, however much it is.

    Raises:
        VenueError: tags or sports could not be had, or are none where some are known; nothing is
            written.
    """
    tags, sports = client.tags(), client.sports()
    known = store.read(
        "select count(*) as tags, count(*) filter (where is_sport) as sports from polymarket_tags"
    ).row(0, named=True)
    refuse_silence(VENUE, "/tags", known=known["tags"], answered=len(tags.tags))
    refuse_silence(VENUE, "/sports", known=known["sports"], answered=len(sports))
    frame = frames.tags(tags, sports, clock.now())
    written = replace_whole(
        store, POLYMARKET_TAGS, frame, unreadable=len(tags.rejected), believe=believe, run=run
    )
    return TagsRead(written, len(sports), dict(tags.rejected))


def _named(kind: str, rejected: Iterable[str]) -> set[str]:
    """The names in keys such as `market 0x12… bestBid`, of one kind."""
    words = (key.split(maxsplit=2) for key in rejected)
    return {parts[1] for parts in words if len(parts) > 1 and parts[0] == kind}


def _sum(before: Written | None, written: Written) -> Written:
    return written if before is None else before.plus(written)
