"""The two searches: rows whose names have all the words that were typed.

The words are looked for as they are, whatever their case; nothing in them is a wildcard, and none
of them comes near a statement: the names of all rows are read once for each published file, in the
order in which answers have them, and a search goes through them until it has enough. To look
through 20,000 markets takes a millisecond where none fits; in SQL, with its rows, it took eight.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from market_assets.api.view import View, sql

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from market_assets.storage.published import Snapshot

_MOST_ROWS: Final = 5000
"""Rows that are kept of a published file, about 15 MB: what is searched for is searched again."""


def search_markets(view: View, asked: Mapping[str, Any]) -> dict[str, Any]:
    """Prediction markets by question and slug, with the symbols that they are about."""
    rows: list[dict[str, Any]] = []
    if view.has("polymarket_markets"):
        names = view.snapshot.remember("market names", _market_names)
        words, most = asked["q"].lower().split(), asked["limit"]
        places = _hits(names, words, most)
        rows = _rows(view, "polymarket_markets", places)
    symbols: Mapping[str, list[str]] = {}
    if rows and view.has("polymarket_market_asset_links"):
        symbols = view.snapshot.remember("symbols of markets", _symbols)
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


def _rows(view: View, table: str, places: Sequence[int]) -> list[dict[str, Any]]:
    """The rows that lie there, in that order."""
    kept: dict[int, dict[str, Any]] = view.snapshot.remember(("rows", table), lambda _: {})
    rows = {place: kept[place] for place in places if place in kept}
    if missing := [place for place in places if place not in rows]:
        statement = f"select rowid as place, * from {table} where list_contains($places, rowid)"  # noqa: S608 - own name
        read = view.snapshot.rows(statement, {"places": missing})
        rows |= {row.pop("place"): row for row in read}
        if len(kept) < _MOST_ROWS:
            kept.update(rows)
    return [rows[place] for place in places]


def _market_names(snapshot: Snapshot) -> list[tuple[int, str]]:
    return [(row["place"], row["words"]) for row in snapshot.rows(sql("search_markets"))]


def _subject_names(snapshot: Snapshot) -> tuple[list[tuple[int, str]], dict[str, list[int]]]:
    """The texts of all, and where those lie that have a whole name."""
    names: list[tuple[int, str]] = []
    whole: dict[str, list[int]] = {}
    for row in snapshot.rows(sql("search_subjects")):
        names.append((row["place"], row["words"]))
        for name in {name for name in row["names"] if name}:
            whole.setdefault(name, []).append(row["place"])
    return names, whole


def _symbols(snapshot: Snapshot) -> dict[str, list[str]]:
    """The symbols that each market is about, the surest first."""
    found: dict[str, list[str]] = {}
    for row in snapshot.rows(
        "select condition_id, symbol from polymarket_market_asset_links "
        "order by confidence desc, symbol"
    ):
        found.setdefault(row["condition_id"], []).append(row["symbol"])
    return found
