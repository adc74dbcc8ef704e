"""Gamma, the catalogue: lists by cursor, plain lists by offset, single objects, tags and sports.

Known parameters are read as the venue reads them; names that it does not know are ignored, `cursor`
among them. Lists are ordered by id; another `order` is refused with 422 rather than answered wrong.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Final

import msgspec

from market_simulator.polymarket import parameters
from market_simulator.polymarket.world import Selection, World
from market_simulator.refused import Refused

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from market_simulator.polymarket.removal import Removals
    from market_simulator.polymarket.rows import Row
    from market_simulator.rest import Asked

DEFAULT_PAGE: Final = 20
MOST_ROWS: Final = 100
MOST_NAMES: Final = 100
LONGEST_QUERY: Final = 8000
_BATCH: Final = 100
_CACHED: Final = 256
_TOO_LONG: Final = "<html><head><title>414 Request-URI Too Large</title></head></html>"
_NAMES: Final = {
    "id": "ids",
    "slug": "slugs",
    "condition_ids": "conditions",
    "clob_token_ids": "tokens",
}
_BOUNDS: Final = ("volume", "liquidity")


@dataclass(frozen=True)
class _List:
    """One kind of list: what is in it, and how it is read.

    Attributes:
        name: the key of its rows in an answer by cursor.
        closed: what is listed where `closed` is left out.
        strict: whether `closed=any` needs a name.
        names: the identifier filters that it knows.
        keys, bodies: where its rows come from.
        shown: a row as it goes out; None where it was taken back.
    """

    name: str
    closed: bool | None
    strict: bool
    names: tuple[str, ...]
    keys: Callable[[Selection, int, int], Iterable[int]]
    bodies: Callable[[list[int], int], list[Row]]
    shown: Callable[[Row], Row | None]


class Gamma:
    """The answers of Gamma.

    Args:
        cache_s: seconds for which a plain list repeats itself.
        removals: what was taken back.
    """

    def __init__(self, world: World, cache_s: float, removals: Removals) -> None:
        self._world = world
        self._cache_ms = cache_s * 1000
        self._cached: dict[tuple[str, str], tuple[int, list[Row]]] = {}
        self._events = _List(
            "events",
            None,
            False,
            ("id", "slug"),
            self._event_keys,
            world.event_bodies,
            removals.event,
        )
        self._markets = _List(
            "markets",
            False,
            True,
            tuple(_NAMES),
            world.market_keys,
            world.market_bodies,
            removals.market,
        )

    def events_by_cursor(self, asked: Asked) -> Row:
        return self._by_cursor(self._events, asked)

    def markets_by_cursor(self, asked: Asked) -> Row:
        return self._by_cursor(self._markets, asked)

    def events(self, asked: Asked) -> list[Row]:
        """`/events`: deprecated, cached, 20 rows unless more are asked for."""
        return self._by_offset(self._events, asked)

    def markets(self, asked: Asked) -> list[Row]:
        """`/markets`: as above."""
        return self._by_offset(self._markets, asked)

    def event(self, asked: Asked) -> Row:
        """`/events/{id}`."""
        return self._one(self._events, Selection(ids=(asked.path["id"],)), asked)

    def event_of_slug(self, asked: Asked) -> Row:
        return self._one(self._events, Selection(slugs=(asked.path["slug"],)), asked)

    def market(self, asked: Asked) -> Row:
        """`/markets/{id}`."""
        return self._one(self._markets, Selection(ids=(asked.path["id"],)), asked)

    def tags(self, asked: Asked) -> list[Row]:
        limit = min(parameters.whole(asked, "limit", DEFAULT_PAGE), MOST_ROWS)
        offset = parameters.whole(asked, "offset", 0)
        return self._world.tags()[offset : offset + limit]

    def sports(self, _asked: Asked) -> list[Row]:
        return self._world.sports()

    def _event_keys(self, wanted: Selection, after: int, now_ms: int) -> Iterator[int]:
        return (key for key in self._world.event_keys(wanted, now_ms) if key > after)

    def _by_cursor(self, kind: _List, asked: Asked) -> Row:
        _check_length(asked)
        if "offset" in asked.query:
            raise parameters.invalid("offset is not supported, use after_cursor")
        limit = min(parameters.whole(asked, "limit", DEFAULT_PAGE, least=1), MOST_ROWS)
        after = _after(asked.one("after_cursor"))
        found = list(islice(self._rows(kind, asked, after), limit + 1))
        page: Row = {kind.name: [row for _, row in found[:limit]]}
        if len(found) > limit:
            page["next_cursor"] = _cursor(found[limit - 1][0])
        return page

    def _by_offset(self, kind: _List, asked: Asked) -> list[Row]:
        _check_length(asked)
        place = (kind.name, asked.raw_query)
        kept = self._cached.get(place)
        if kept is not None and 0 <= asked.now_ms - kept[0] < self._cache_ms:
            return kept[1]
        limit = min(parameters.whole(asked, "limit", DEFAULT_PAGE), MOST_ROWS)
        offset = parameters.whole(asked, "offset", 0)
        rows = [row for _, row in islice(self._rows(kind, asked, -1), offset, offset + limit)]
        self._cached[place] = (asked.now_ms, rows)
        if len(self._cached) > _CACHED:
            del self._cached[next(iter(self._cached))]
        return rows

    def _one(self, kind: _List, wanted: Selection, asked: Asked) -> Row:
        keys = list(kind.keys(wanted, -1, asked.now_ms))
        row = kind.shown(kind.bodies(keys[:1], asked.now_ms)[0]) if keys else None
        if row is None:
            raise parameters.not_found(kind.name.removesuffix("s"))
        return row

    def _rows(self, kind: _List, asked: Asked, after: int) -> Iterator[tuple[int, Row]]:
        """Keys above `after` and rows that the request wants, made a batch at a time."""
        wanted, accepts = _selection(kind, asked), _accepted(asked)
        with_markets = parameters.flag(asked, "include_markets") is not False
        with_tag = kind.name == "events" or parameters.flag(asked, "include_tag")
        keys = iter(kind.keys(wanted, after, asked.now_ms))
        while batch := list(islice(keys, _BATCH)):
            for key, body in zip(batch, kind.bodies(batch, asked.now_ms), strict=True):
                row = kind.shown(body)
                if row is not None and accepts(row):
                    dropped = [] if with_tag else ["tags"]
                    dropped += [] if with_markets else ["markets"]
                    yield key, {k: v for k, v in row.items() if k not in dropped}


def _selection(kind: _List, asked: Asked) -> Selection:
    names = {_NAMES[name]: tuple(asked.listed(name)) for name in kind.names}
    for name in kind.names:
        if len(names[_NAMES[name]]) > MOST_NAMES:
            raise parameters.invalid(f"{name} accepts at most {MOST_NAMES} values")
    if asked.one("order") not in ("", "id") or asked.one("ascending", "true") != "true":
        raise parameters.invalid("order fields are not valid")
    unnamed = not any(names.values())
    return Selection(
        closed=parameters.closed(
            asked, default=kind.closed, any_needs_name=kind.strict and unnamed
        ),
        end_min_ms=parameters.instant_ms(asked, "end_date_min"),
        end_max_ms=parameters.instant_ms(asked, "end_date_max"),
        **names,
    )


def _accepted(asked: Asked) -> Callable[[Row], bool]:
    """Whether a row passes the filters that look at its content."""
    tests: list[Callable[[Row], bool]] = []
    active = parameters.flag(asked, "active")
    if active is not None:
        tests.append(lambda row: row.get("active") == active)
    tags, slugs = set(asked.listed("tag_id")), set(asked.listed("tag_slug"))
    if tags or slugs:
        tests.append(
            lambda row: any(tag["id"] in tags or tag["slug"] in slugs for tag in _tags(row))
        )
    if without := set(asked.listed("exclude_tag_id")):
        tests.append(lambda row: not any(tag["id"] in without for tag in _tags(row)))
    for name in _BOUNDS:
        low, high = (parameters.number(asked, f"{name}_{end}") for end in ("min", "max"))
        if low is not None or high is not None:
            tests.append(_between(name, low, high))
    return lambda row: all(test(row) for test in tests)


def _tags(row: Row) -> list[Row]:
    """The tags of a row; recorded ones may have none."""
    return row.get("tags") or []


def _between(name: str, low: float | None, high: float | None) -> Callable[[Row], bool]:
    def test(row: Row) -> bool:
        value = row.get(f"{name}Num", row.get(name))
        try:
            amount = float(value or 0)
        except (TypeError, ValueError):
            return False
        return (low is None or amount >= low) and (high is None or amount <= high)

    return test


def _check_length(asked: Asked) -> None:
    if len(asked.raw_query) > LONGEST_QUERY:
        raise Refused(414, _TOO_LONG, "text/html")


def _cursor(key: int) -> str:
    return base64.b64encode(msgspec.json.encode({"id": str(key)})).decode()


def _after(cursor: str) -> int:
    if not cursor:
        return -1
    try:
        return int(msgspec.json.decode(base64.b64decode(cursor, validate=True))["id"])
    except (ValueError, KeyError, TypeError, msgspec.DecodeError):
        raise parameters.invalid("after_cursor is not valid") from None
