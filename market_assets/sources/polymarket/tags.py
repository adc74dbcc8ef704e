"""Tags and sports as Gamma has them, made into the project's own (`model.py`)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from market_assets.sources.polymarket import values
from market_assets.sources.polymarket.model import Sport, Tag, Tags
from market_assets.sources.polymarket.wire import named

if TYPE_CHECKING:
    from market_assets.sources.decoding import Rows
    from market_assets.sources.polymarket.wire import WireSport, WireTag


def read_tags(rows: Rows[WireTag], *, first: int = 0) -> Tags:
    """The tags of one page, whose first row stands at `first` in the whole list."""
    tags = []
    rejected = named(rows.faults)
    for position, row in enumerate(rows.items, start=first):
        if row is None:
            continue
        tag_id = values.identifier(row.id)
        if tag_id is None:
            rejected[f"tag [{position}]"] = "it has no id"
        else:
            tags.append(Tag(tag_id, values.text(row.label), values.text(row.slug)))
    return Tags(tuple(tags), rejected)


def read_sports(rows: Rows[WireSport]) -> tuple[tuple[Sport, ...], dict[str, str]]:
    """The sports, and those that cannot be read."""
    sports = []
    rejected = named(rows.faults)
    for position, row in enumerate(rows.items):
        if row is None:
            continue
        if not row.sport:
            rejected[f"sport [{position}]"] = "it has no name"
            continue
        tags = row.tags.split(",") if isinstance(row.tags, str) else row.tags or []
        tag_ids = (str(tag).strip() for tag in tags if tag is not None)
        sports.append(Sport(row.sport, tuple(tag_id for tag_id in tag_ids if tag_id)))
    return tuple(sports), rejected
