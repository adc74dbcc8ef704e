"""The words of the made-up catalogue, from `words.toml`, and dates as titles write them."""

from __future__ import annotations

import tomllib
from datetime import UTC, datetime, timedelta
from importlib import resources
from typing import Any, Final, NamedTuple

from market_simulator.clock import from_ms

_TABLE: Final[dict[str, Any]] = tomllib.loads(
    resources.files(__package__).joinpath("words.toml").read_text(encoding="utf-8")
)


class Asset(NamedTuple):
    """A crypto asset: its name, its ticker, the slug of its tag, and about what it costs."""

    name: str
    ticker: str
    tag: str
    price: float


class Tag(NamedTuple):
    """A tag of the catalogue."""

    id: int
    slug: str
    label: str


def _asset(line: str) -> Asset:
    name, ticker, tag, price = line.rsplit(" ", 3)
    return Asset(name, ticker, tag, float(price))


def _tag(line: str) -> Tag:
    number, slug, label = line.split(" ", 2)
    return Tag(int(number), slug, label)


ASSETS: Final = tuple(_asset(line) for line in _TABLE["asset"])
BY_TICKER: Final = {asset.ticker: asset for asset in ASSETS}
UP_OR_DOWN: Final[tuple[str, ...]] = tuple(_TABLE["updown"])
TAGS: Final = {tag.slug: tag for tag in map(_tag, _TABLE["tag"])}
FIRST: Final[list[str]] = _TABLE["first"]
LAST: Final[list[str]] = _TABLE["last"]
PLACES: Final[list[str]] = _TABLE["place"]
TEAMS: Final[list[str]] = _TABLE["team"]
_FIRST_PERSON: Final = 104_000
CITIES: Final[list[str]] = _TABLE["city"]
MILESTONES: Final[list[str]] = _TABLE["milestone"]
HAPPENINGS: Final[list[str]] = _TABLE["happening"]
RIVALS: Final[list[str]] = _TABLE["rival"]
SINGLES: Final[dict[str, list[str]]] = {
    name.removesuffix("_single"): titles
    for name, titles in _TABLE.items()
    if name.endswith(("_single", "_other"))
}


def people() -> list[Tag]:
    """Tags of people, which no event here has; the real venue has thousands such."""
    names = (f"{first} {last}" for first in FIRST for last in LAST)
    return [Tag(_FIRST_PERSON + i, slug(name), name) for i, name in enumerate(names)]


def eastern(at_ms: int) -> datetime:
    """US Eastern wall time of an instant; titles are written in it.

    Daylight time from 2:00 on the second Sunday of March to 2:00 on the first of November. Made
    here because a machine need not have a time zone database.
    """
    instant = from_ms(at_ms)
    year = instant.year
    begins = _sunday(datetime(year, 3, 8, 7, tzinfo=UTC))
    ends = _sunday(datetime(year, 11, 1, 6, tzinfo=UTC))
    hours = 4 if begins <= instant < ends else 5
    return instant - timedelta(hours=hours)


def day(at_ms: int) -> str:
    """`December 31`, in Eastern time."""
    local = eastern(at_ms)
    return f"{local:%B} {local.day}"


def clock(local: datetime, *, minutes: bool = True) -> str:
    """`7:55PM`, or `7PM`."""
    hour = local.hour % 12 or 12
    return f"{hour}:{local:%M%p}" if minutes else f"{hour}{local:%p}"


def slug(text: str) -> str:
    """A title as it stands in an address."""
    kept = "".join(c if c.isascii() and c.isalnum() else " " for c in text.replace(",", ""))
    return "-".join(kept.lower().split())


def money(value: float) -> str:
    """A price with the venue's usual separators: `94,000`, `2.15`, `0.0000047`."""
    if value >= 1000:  # noqa: PLR2004 - from where separators are written
        return f"{value:,.0f}"
    return f"{value:.3g}" if value >= 1e-3 else f"{value:.8f}".rstrip("0")  # noqa: PLR2004 - below it %g would write an exponent


def _sunday(first: datetime) -> datetime:
    """The first Sunday at or after a day."""
    return first + timedelta(days=(6 - first.weekday()) % 7)
