"""The two searches: rows whose names have all the words that were typed.

The words are looked for as they are, whatever their case; nothing in them is a wildcard. Markets
are as many as the venue ever had, a million in three months: an index knows where those lie that
have a word (`market_index/`). Chains and protocols are a few thousand: their names are read once
for each published file, in the order in which answers have them, and gone through.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from market_assets.api.market_index.places import places
from market_assets.api.view import View, lying_at, sql

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from market_assets.storage.api import Snapshot

_MOST_ROWS: Final = 2000
"""Rows that are kept of a published file, about 6 MB: what is searched for is searched again."""


def search_markets(view: View, asked: Mapping[str, Any]) -> dict[str, Any]:
    """Prediction markets by question and slug, with the symbols that they are about."""
    rows: list[dict[str, Any]] = []
    if view.has("polymarket_markets"):
        words = asked["q"].lower().split()
        lying = places(view.snapshot, view.markets, words, asked["limit"])
        rows = _rows(view, "polymarket_markets", lying)
    symbols = _symbols(view, [row["condition_id"] for row in rows])
    markets = [
        {**view.part(row, row["ingested_at"]), "symbols": symbols.get(row["condition_id"], [])}
        for row in rows
    ]
    return {"q": asked["q"], "count": len(markets), "markets": markets}


def search_subjects(view: View, asked: Mapping[str, Any]) -> dict[str, Any]:
    """Chains and protocols by id, name and token; whole names before parts of names."""
    rows: list[dict[str, Any]] = []
    if view.has("defillama_subjects"):
        names, whole = view.snapshot.remember("subject names", _subject_names)
        phrase, most = asked["q"].lower(), asked["limit"]
        exact = whole.get(phrase, ())
        # As many more as there are exact ones: those are found here a second time.
        found = _hits(names, phrase.split(), most + len(exact))
        places = [*exact, *(place for place in found if place not in exact)][:most]
        rows = _rows(view, "defillama_subjects", places)
    subjects = [view.part(row, row["ingested_at"]) for row in rows]
    return {"q": asked["q"], "count": len(subjects), "subjects": subjects}


def _hits(names: Sequence[tuple[int, str]], words: Sequence[str], most: int) -> list[int]:
    """Where the first rows lie whose text has all the words."""
    found: list[int] = []
    # The longest, which is the rarest, first and in the loop itself: five times as fast as `all`.
    longest = max(words, key=len)
    for place, text in names:
        if longest in text and all(word in text for word in words):
            found.append(place)
            if len(found) == most:
                break
    return found


def _rows(view: View, table: str, lying: Sequence[int]) -> list[dict[str, Any]]:
    """The rows that lie there, in that order."""
    kept: dict[int, dict[str, Any]] = view.snapshot.remember(("rows", table), lambda _: {})
    rows = {place: kept[place] for place in lying if place in kept}
    if missing := [place for place in lying if place not in rows]:
        statement = f"select rowid as place, * from {table} where {lying_at(missing)}"  # noqa: S608 - own name
        rows |= {row.pop("place"): row for row in view.snapshot.rows(statement)}
        if len(kept) < _MOST_ROWS:
            kept.update(rows)
    return [rows[place] for place in lying]


def _subject_names(snapshot: Snapshot) -> tuple[list[tuple[int, str]], dict[str, list[int]]]:
    """The texts of all, and where those lie that have a whole name."""
    names: list[tuple[int, str]] = []
    whole: dict[str, list[int]] = {}
    for row in snapshot.rows(sql("search_subjects")):
        names.append((row["place"], row["words"]))
        for name in {name for name in row["names"] if name}:
            whole.setdefault(name, []).append(row["place"])
    return names, whole


def _symbols(view: View, markets: Sequence[str]) -> Mapping[str, Sequence[str]]:
    """The symbols that each of the markets is about, the surest first."""
    kept: dict[str, list[str]] = view.snapshot.remember("symbols of markets", lambda _: {})
    found = {market: kept[market] for market in markets if market in kept}
    missing = [market for market in markets if market not in found]
    if missing and view.has("polymarket_market_asset_links"):
        read: dict[str, list[str]] = {market: [] for market in missing}
        for row in _links(view, missing):
            if row["condition_id"] in read:
                read[row["condition_id"]].append(row["symbol"])
        found |= read
        if len(kept) < _MOST_ROWS and view.is_of_the_file:
            kept.update(read)
    return found


def _links(view: View, markets: Sequence[str]) -> list[dict[str, Any]]:
    """The rows of their links, and perhaps some of others."""
    statement = (
        "select condition_id, symbol from polymarket_market_asset_links "
        "where {} order by confidence desc, symbol"
    )
    params = {"markets": markets}
    if view.markets:
        ids = view.snapshot.rows("select hash(unnest($markets)) as id", params)
        lying = view.markets.links.of([row["id"] for row in ids])
        rows = view.snapshot.rows(statement.format(lying_at(lying))) if lying else []
        named = sum(row["condition_id"] in markets for row in rows)
        if view.is_of_the_file or named == len(lying):
            return rows
    return view.snapshot.rows(statement.format("list_contains($markets, condition_id)"), params)
