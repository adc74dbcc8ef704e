"""Recordings on disk: every object in a folder's JSON files, told apart by its keys.

A file holds an object, a list of objects, a search answer, or an object a line. Of several
recordings of one object the newest counts. Nothing is copied: files are read where they are.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from market_simulator.polymarket.rows import Row

_SIGNS: Final[dict[str, tuple[frozenset[str], str]]] = {
    "trades": (frozenset({"proxyWallet", "transactionHash", "timestamp"}), ""),
    "markets": (frozenset({"conditionId", "question", "outcomes"}), "conditionId"),
    "events": (frozenset({"ticker", "title", "slug", "endDate"}), "id"),
    "books": (frozenset({"asset_id", "bids", "asks", "tick_size"}), "asset_id"),
    "sports": (frozenset({"sport", "tags", "ordering"}), "sport"),
    "tags": (frozenset({"id", "label", "slug"}), "id"),
}
"""For each kind the keys that give it away, and the one that names an object of it."""
KINDS: Final = tuple(_SIGNS)


class Recordings:
    """The recorded objects of a folder, by kind and name; trades in their order.

    Raises:
        FileNotFoundError: there is no such folder, or no recording in it.
    """

    def __init__(self, folder: Path) -> None:
        if not folder.is_dir():
            raise FileNotFoundError(f"no folder {folder}")
        self.found: dict[str, dict[str, Row]] = {kind: {} for kind in KINDS}
        self.trades: list[Row] = []
        for path in sorted(folder.glob("*.json*")):
            for one in _objects(path):
                self._place(one)
        if not (self.trades or any(self.found.values())):
            raise FileNotFoundError(f"no recordings of Polymarket in {folder}")
        for event in self.found["events"].values():
            for tag in event.get("tags") or ():
                self.found["tags"].setdefault(str(tag["id"]), tag)

    def _place(self, one: Row) -> None:
        kind = next((kind for kind, (keys, _) in _SIGNS.items() if keys <= one.keys()), None)
        if kind is None:
            return
        if kind == "trades":
            self.trades.append(one)
            return
        if kind == "markets":
            for event in one.get("events") or ():
                self._keep("events", {**event, "markets": event.get("markets") or [one]})
        if kind == "events":
            for market in one.get("markets") or ():
                self._keep("markets", market)
        self._keep(kind, one)

    def _keep(self, kind: str, one: Row) -> None:
        """Keep the newest; what was recorded in full beats what stood inside something else."""
        name = str(one[_SIGNS[kind][1]])
        known = self.found[kind].get(name)
        if known is None or _rank(one) >= _rank(known):
            self.found[kind][name] = one


def holds(folder: Path) -> bool:
    """Whether a folder has recordings of Polymarket."""
    try:
        Recordings(folder)
    except FileNotFoundError:
        return False
    return True


def _rank(one: Row) -> tuple[bool, str]:
    return "tags" in one, str(one.get("updatedAt") or one.get("timestamp") or "")


def _objects(path: Path) -> Iterator[Row]:
    """The objects of a file, one deep into lists and search answers."""
    text = path.read_text(encoding="utf-8")
    trees: list[Any] = (
        [json.loads(line) for line in text.splitlines() if line.strip()]
        if path.suffix == ".jsonl"
        else [json.loads(text)]
    )
    for tree in trees:
        for one in tree if isinstance(tree, list) else [tree]:
            if isinstance(one, dict):
                yield one
                for nested in ("events", "children", "rootTag"):
                    inner = one.get(nested) if "question" not in one else None
                    yield from (each for each in inner or () if isinstance(each, dict))
