"""Gamma, Polymarket's catalogue: events with their markets, look-ups by id, tags, sports.

Documented at https://docs.polymarket.com/api-reference. What is known of it beyond that:

- lists are walked by key: `after_cursor` is the last answer's `next_cursor`, which the last page
  lacks. A parameter `cursor` is accepted and answers the first page for ever;
- a page holds at most 100, and 20 if nobody asks;
- without `closed`, events come in any state but markets open only; `closed=any` gives both, on
  the markets routes only together with identifiers;
- identifiers are repeated parameters: at most 100, and a query of at most 8 KB (414 above);
- the plain routes `/events` and `/markets` are announced as going away; here they look things up
  by id, and once they answer 404 or 410 the keyset routes do.

Not here: shapes (`wire.py`), what a market is made of (`markets.py`), weights (`limits.py`).
"""

from __future__ import annotations

import logging
from datetime import UTC
from typing import TYPE_CHECKING, Final, TypeVar

from market_assets.sources.errors import VenueNonsense, VenueRejected
from market_assets.sources.polymarket import limits, wire
from market_assets.sources.polymarket.host import MARKETS_A_REQUEST, VENUE, HostClient, merged
from market_assets.sources.polymarket.markets import read_event, read_market
from market_assets.sources.polymarket.model import (
    Event,
    EventPage,
    Market,
    Markets,
    Sport,
    Tag,
    Tags,
)
from market_assets.sources.polymarket.tags import read_sports, read_tags

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

_LOG = logging.getLogger(__name__)
_T = TypeVar("_T")

_MOST: Final = 100
"""Rows in one answer, whatever is asked for; it must be asked for, or there are 20."""
_EVENTS_A_REQUEST: Final = 50
"""Events come with all their markets, 5 kB each: a hundred of them can be tens of megabytes."""
_TAGS_A_PAGE: Final = 100
_GONE: Final = (404, 410)
_UNASKED: Final = "nobody asked for it"


class GammaClient(HostClient):
    """`https://gamma-api.polymarket.com`, or another that speaks the same. Thread-safe."""

    def event_pages(
        self,
        *,
        closed: bool | None = False,
        active: bool | None = None,
        end_min: datetime | None = None,
        end_max: datetime | None = None,
        page_size: int = 100,
    ) -> Iterator[EventPage]:
        """Events with their markets, page by page as they come, so that memory stays bounded.

        Args:
            closed: only closed ones, only others, or (None) both.
            active: only those that the venue shows, only others, or (None) both.
            end_min: only those that end then or later.
            end_max: only those that end then or earlier.
            page_size: events a page, at most 100.

        Raises:
            VenueNonsense: a cursor came twice, or a page that is not the last is empty or holds
                nothing but what came before: the walk would never end.
            VenueError: a page could not be had; the class says why. So for every method here.
        """
        query = {"limit": str(page_size)}
        query |= {} if closed is None else {"closed": _word(closed)}
        query |= {} if active is None else {"active": _word(active)}
        query |= {} if end_min is None else {"end_date_min": _date(end_min)}
        query |= {} if end_max is None else {"end_date_max": _date(end_max)}
        known: set[str] = set()
        for page in self._walk("/events/keyset", query, limits.EVENTS, wire.decode_event_page):
            read = self._event_page(page)
            ids = {event.event_id for event in read.events}
            if ids and ids <= known and read.next_cursor is not None:
                raise VenueNonsense(VENUE, "/events/keyset: a page holds only what came before")
            known |= ids
            yield read

    def events(self, event_ids: Iterable[str]) -> EventPage:
        """Events by id, whatever their state; those that the venue does not know are left out."""
        asked = self._in_batches(event_ids, _EVENTS_A_REQUEST, self._events)
        found = {event.event_id: event for page in asked.answers for event in page.events}
        rejected = merged("event", asked, (page.rejected for page in asked.answers))
        return EventPage(tuple(found.values()), None, rejected, asked.unanswered)

    def markets(self, condition_ids: Iterable[str]) -> Markets:
        """Markets by condition id, whatever their state; unknown ones are left out."""
        asked = self._in_batches(condition_ids, MARKETS_A_REQUEST, self._markets)
        found = {
            market.condition_id: market for answer in asked.answers for market in answer.markets
        }
        rejected = merged("market", asked, (answer.rejected for answer in asked.answers))
        return Markets(tuple(found.values()), rejected, asked.unanswered)

    def tags(self) -> Tags:
        """Every tag, each once.

        Raises:
            VenueNonsense: a page brings no tag that was not there before: it would never end.
        """
        tags: dict[str, Tag] = {}
        rejected: dict[str, str] = {}
        read = 0
        while True:
            query = {"limit": str(_TAGS_A_PAGE), "offset": str(read)}
            rows = self._get("/tags", query, limits.TAGS, wire.decode_tags)
            if not rows.items:
                break  # not the first short page: the venue may give fewer than it is asked for
            page = read_tags(rows, first=read)
            if not {tag.tag_id for tag in page.tags} - tags.keys():
                why = next((f"; {name}: {said}" for name, said in page.rejected.items()), "")
                raise VenueNonsense(
                    VENUE, f"/tags: the page from {read} on brings nothing new{why}"[:400]
                )
            tags |= {tag.tag_id: tag for tag in page.tags}
            rejected |= page.rejected
            read += len(rows.items)
        self._refuse_if_none_can_be_read("/tags", read, len(tags), rejected)
        self._note("/tags", rejected)
        return Tags(tuple(tags.values()), rejected)

    def sports(self) -> tuple[Sport, ...]:
        """Every sport with the tags that its events carry; see `rejected` for the others."""
        rows = self._get("/sports", {}, limits.GAMMA_OTHER, wire.decode_sports)
        sports, rejected = read_sports(rows)
        self._refuse_if_none_can_be_read("/sports", len(rows.items), len(sports), rejected)
        self._note("/sports", rejected)
        return sports

    def _walk(
        self,
        path: str,
        query: Mapping[str, str | Sequence[str]],
        weight: int,
        decode: Callable[[bytes], wire.Page[_T]],
    ) -> Iterator[wire.Page[_T]]:
        """The pages of a list that is walked by key, to the one without a next cursor.

        Raises:
            VenueNonsense: it would go round in circles, or a page is empty and not the last.
        """
        seen: set[str] = set()
        while True:
            page = self._get(path, query, weight, decode)
            following = page.next_cursor
            if following is None:
                yield page
                return
            if not page.rows.items:
                raise VenueNonsense(
                    VENUE, f"{path}: page {len(seen) + 1} is empty and has a next_cursor"
                )
            if following in seen:
                raise VenueNonsense(
                    VENUE, f"{path}: page {len(seen) + 1} names a cursor for the second time"
                )
            seen.add(following)
            yield page
            query = {**query, "after_cursor": following}

    def _look_up(
        self,
        path: str,
        query: Mapping[str, str | Sequence[str]],
        weight: int,
        decode: Callable[[bytes], wire.Page[_T]],
        decode_keyset: Callable[[bytes], wire.Page[_T]],
    ) -> list[wire.Page[_T]]:
        """What a plain route says of some identifiers; the keyset route where it is gone."""
        if path not in self._gone:
            try:
                return [self._get(path, query, weight, decode)]
            except VenueRejected as error:
                if error.status not in _GONE:
                    raise
                _LOG.warning("%s is gone (%s): /keyset from now on", path, error)
                self._gone.add(path)
        return list(self._walk(f"{path}/keyset", query, weight, decode_keyset))

    def _events(self, event_ids: tuple[str, ...]) -> EventPage:
        query = {"id": event_ids, "closed": "any", "limit": str(_MOST)}
        pages = self._look_up(
            "/events", query, limits.EVENTS, wire.decode_events, wire.decode_event_page
        )
        found: list[Event] = []
        rejected: dict[str, str] = {}
        for page in map(self._event_page, pages):
            rejected |= page.rejected
            for event in page.events:
                if event.event_id in event_ids:
                    found.append(event)
                else:
                    rejected[f"event {event.event_id}"] = _UNASKED
        return EventPage(tuple(found), None, rejected)

    def _markets(self, condition_ids: tuple[str, ...]) -> Markets:
        query = {"condition_ids": condition_ids, "closed": "any", "limit": str(_MOST)}
        pages = self._look_up(
            "/markets", query, limits.MARKETS, wire.decode_markets, wire.decode_market_page
        )
        asked = {condition_id.lower() for condition_id in condition_ids}
        found: list[Market] = []
        rejected: dict[str, str] = {}
        for page in pages:
            rejected |= wire.named(page.rows.faults)
            for position, row in enumerate(page.rows.items):
                market = row and read_market(row, None, str(position), rejected)
                if market and market.condition_id.lower() in asked:
                    found.append(market)
                elif market:
                    rejected[f"market {market.condition_id}"] = _UNASKED
        rows = sum(len(page.rows.items) for page in pages)
        self._refuse_if_none_can_be_read("/markets", rows, len(found), rejected)
        self._note("/markets", rejected)
        return Markets(tuple(found), rejected)

    def _event_page(self, page: wire.Page[wire.DecodedEvent]) -> EventPage:
        rejected = wire.named(page.rows.faults)
        read = [
            read_event(row, position, rejected)
            for position, row in enumerate(page.rows.items)
            if row is not None
        ]
        events = tuple(event for event in read if event is not None)
        self._refuse_if_none_can_be_read("/events", len(page.rows.items), len(events), rejected)
        self._note("/events", rejected)
        return EventPage(events, page.next_cursor, rejected)


def _word(flag: bool) -> str:  # noqa: FBT001 - the venue's word for it
    return "true" if flag else "false"


def _date(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
