"""Faults on demand: what goes wrong, where, how often and for how long.

A `Fault` is put in force by the control route or the command line; the venues' routes and streams
ask the `FaultPlan` whether one strikes them. Nothing here knows a venue's protocol. Durations are
wall time, whatever the speed of the venue's clock.
"""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field, fields
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

HTTP: Final[dict[str, str]] = {
    "http_429": "status 429 with body null",
    "http_500": "status 500 with body null",
    "http_502": "status 502 with an HTML page",
    "http_timeout": "no answer",
    "http_cut": "the connection ends in the middle of the body",
    "http_html": "status 200 with an HTML page",
    "http_null": "status 200 with a bare null",
}
SOCKET: Final[dict[str, str]] = {
    "drop": "connections are reset without a closing handshake",
    "close": "connections are closed politely",
    "unknown_channel": "a frame of a channel, or of a type, that nobody knows",
    "untyped": "a frame that does not say of which channel or type it is",
    "not_json": "a frame that is not JSON",
}
STATE: Final[dict[str, str]] = {
    "silent_but_pong": "pings are answered, data is not sent",
    "freeze": "connections stay open and nothing is answered, not even protocol pings",
}
FRAME: Final[dict[str, str]] = {
    "duplicate": "data frames are sent twice",
    "late": "data frames are held back and sent after the next ones",
    "lost": "data frames are not sent",
    "binary": "data frames are sent as binary ones",
}
BOOK: Final[dict[str, str]] = {
    "wrong_hash": "a batch of changes, or a book after a trade, has a hash of something else",
    "no_snapshot": "the first book of an asset never comes (one strike for each subscription)",
}
BOTH: Final[dict[str, str]] = {
    "wrong_types": "values of one coin (or row) have the wrong types, in answers and frames",
}
PAGE: Final[dict[str, str]] = {
    "empty_page": "a page of a list is empty, with its cursor if it has one (REST venues)",
}
VENUE: Final[dict[str, str]] = {
    "refuse": "connections are refused; needs seconds",
    "unavailable": "everything answers 502, the WebSocket handshake too",
}
FAULTS: Final = HTTP | SOCKET | STATE | FRAME | BOOK | BOTH | PAGE | VENUE
"""Every fault by name, with what it does."""


@dataclass
class Fault:
    """One fault in force.

    Attributes:
        name: one of `FAULTS`.
        venue: only this venue: `hyperliquid`, `polymarket`, …
        path: only requests whose path ends with this; `*` stands for anything.
        type: only requests of this type.
        coin: only this coin, or whatever a venue's rows are named by: Polymarket's frames by their
            market's condition id.
        channel: only frames of this channel, or of this `event_type`.
        count: how often it strikes before it is over; None: as often as it can. For socket faults
            the number of connections of each venue; these are over once they have struck.
        seconds: how long it lasts; None: until it is removed.
        after: seconds before it begins.
        every: seconds after which a socket fault strikes again.
        one_in: strikes only each n-th time that it could.
        retry_after: seconds that the `Retry-After` of a 429 or 500 names; None: no such header.
    """

    name: str
    venue: str | None = None
    path: str | None = None
    type: str | None = None
    coin: str | None = None
    channel: str | None = None
    count: int | None = None
    seconds: float | None = None
    after: float = 0.0
    every: float | None = None
    one_in: int = 1
    retry_after: float | None = None
    began: float = field(default=0.0, init=False)
    chances: int = field(default=0, init=False)
    struck: int = field(default=0, init=False)
    next: dict[str, float | None] = field(default_factory=dict, init=False)

    def due(self, venue: str | None, now: float) -> bool:
        """Whether its moment has come for a venue; `next` says when it comes again."""
        at = self.next.get(venue or "", self.began)
        return self.venue in (None, venue) and at is not None and now >= at

    def over(self, now: float) -> bool:
        spent = self.count is not None and self.struck >= self.count and self.every is None
        return (spent and self.name not in SOCKET) or (
            self.seconds is not None and now >= self.began + self.seconds
        )

    def fits(self, where: Mapping[str, str | None]) -> bool:
        """Whether a request or frame with these traits is in its scope."""
        return all(
            wanted is None or (trait in where and _matches(trait, wanted, where[trait]))
            for trait in _TRAITS
            for wanted in (getattr(self, trait),)
        )


def _matches(trait: str, wanted: str, value: str | None) -> bool:
    if trait == "path" and value is not None:
        return fnmatchcase(value, f"*{wanted}")
    return wanted == value


_TRAITS: Final = ("venue", "path", "type", "coin", "channel")
_NUMBERS: Final[dict[str, Callable[[str], float | int]]] = {
    "count": int,
    "seconds": float,
    "after": float,
    "every": float,
    "one_in": int,
    "retry_after": float,
}


class BadFault(ValueError):  # noqa: N818 - the name says it
    """A fault that cannot be put in force; the message says why."""


class FaultPlan:
    """The faults in force, and how often each name has struck."""

    def __init__(self) -> None:
        self.in_force: list[Fault] = []
        self.strikes: Counter[str] = Counter()
        self._with_sockets: set[str] = set()

    def add(self, spec: Mapping[str, Any]) -> Fault:
        """Put a fault in force.

        Raises:
            BadFault: unknown name or field, or a value of the wrong type.
        """
        known = {f.name for f in fields(Fault) if f.init}
        name = spec.get("name")
        if name not in FAULTS:
            raise BadFault(f"unknown fault {name!r}; one of {', '.join(FAULTS)}")
        if unknown := set(spec) - known:
            raise BadFault(f"unknown field {min(unknown)!r}; one of {', '.join(sorted(known))}")
        values: dict[str, Any] = {}
        for key, value in spec.items():
            if value is None:
                continue
            try:
                values[key] = _NUMBERS.get(key, str)(value)
            except (TypeError, ValueError):
                raise BadFault(f"{key} is {value!r}, which is not a number") from None
        fault = Fault(**values)
        if fault.one_in < 1:
            raise BadFault("one_in must be at least 1")
        if name == "refuse" and fault.seconds is None:
            raise BadFault("refuse needs seconds: nobody could reach the control route to end it")
        fault.began = time.monotonic() + fault.after
        self.in_force.append(fault)
        return fault

    def clear(self, name: str | None = None) -> int:
        """Remove the faults of that name, or all; how many were in force."""
        kept = [f for f in self.in_force if name is not None and f.name != name]
        removed = len(self.in_force) - len(kept)
        self.in_force = kept
        return removed

    def strike(self, *names: str, **where: str | None) -> Fault | None:
        """The first fault of these names that strikes here and now; it counts as one strike."""
        if not self.in_force:
            return None
        for fault in self._present():
            if fault.name in names and fault.fits(where):
                fault.chances += 1
                if fault.chances % fault.one_in == 0:
                    self._count(fault)
                    return fault
        return None

    def active(self, name: str, **where: str | None) -> bool:
        """Whether a lasting fault holds here and now; asking is not a strike."""
        return bool(self.in_force) and any(
            f.name == name and f.fits(where) for f in self._present()
        )

    def due(self, names: Collection[str], venue: str | None = None) -> list[Fault]:
        """Faults of these names whose moment has come for that venue.

        Each is given to a venue once, or once per `every`.
        """
        if not self.in_force:
            return []
        now = time.monotonic()
        found = [f for f in self._present() if f.name in names and f.due(venue, now)]
        for fault in found:
            self._count(fault)
            fault.next[venue or ""] = None if fault.every is None else now + fault.every
            asked = {venue} if fault.venue or not venue else self._with_sockets
            if all(fault.next.get(one or "", 0.0) is None for one in asked):
                self.in_force.remove(fault)
        return found

    def has_sockets(self, venue: str) -> None:
        """Socket faults of every venue strike this one too."""
        self._with_sockets.add(venue)

    def of(self, venue: str) -> VenueFaults:
        """The plan as that venue asks it."""
        return VenueFaults(self, venue)

    def _present(self) -> list[Fault]:
        now = time.monotonic()
        self.in_force = [f for f in self.in_force if not f.over(now)]
        return [f for f in self.in_force if now >= f.began]

    def _count(self, fault: Fault) -> None:
        fault.struck += 1
        self.strikes[fault.name] += 1


class VenueFaults:
    """The faults that may strike one venue: the plan, asked with the venue's name."""

    def __init__(self, plan: FaultPlan, venue: str) -> None:
        self._plan = plan
        self._venue = venue

    @property
    def in_force(self) -> list[Fault]:
        """Every fault of the plan, of other venues too."""
        return self._plan.in_force

    def strike(self, *names: str, **where: str | None) -> Fault | None:
        """As `FaultPlan.strike`."""
        return self._plan.strike(*names, venue=self._venue, **where)

    def active(self, name: str, **where: str | None) -> bool:
        """As `FaultPlan.active`."""
        return self._plan.active(name, venue=self._venue, **where)

    def due(self, names: Collection[str]) -> list[Fault]:
        """As `FaultPlan.due`."""
        return self._plan.due(names, self._venue)

    def has_sockets(self) -> None:
        """As `FaultPlan.has_sockets`."""
        self._plan.has_sockets(self._venue)


def parsed(text: str) -> dict[str, str]:
    """A fault from the command line: `drop,every=30` or `http_500,type=candleSnapshot,count=3`.

    Raises:
        BadFault: it does not have that form.
    """
    name, *parts = text.split(",")
    spec = {"name": name}
    for part in parts:
        key, equals, value = part.partition("=")
        if not equals or not value:
            raise BadFault(f"{part!r} in {text!r} is not KEY=VALUE")
        spec[key] = value
    return spec


COIN_KEYS: Final = ("name", "coin", "s")


def with_wrong_types(tree: Any, coin: str, keys: tuple[str, ...] = COIN_KEYS) -> Any:
    """The decoded JSON with the values of one coin in types that nobody expects.

    A coin's values are found as an object that names it (under one of `keys`), as a key, or as the
    second of a pair.
    """
    if isinstance(tree, dict):
        if any(tree.get(key) == coin for key in keys):
            return {k: v if v == coin else [{"unexpected": v}] for k, v in tree.items()}
        return {
            k: {"unexpected": v} if k == coin else with_wrong_types(v, coin, keys)
            for k, v in tree.items()
        }
    if isinstance(tree, list):
        if len(tree) == 2 and tree[0] == coin:  # noqa: PLR2004 - a pair
            return [coin, {"unexpected": tree[1]}]
        return [with_wrong_types(item, coin, keys) for item in tree]
    return tree
