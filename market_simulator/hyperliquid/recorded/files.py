"""Recordings on disk: which file answers which request, by its name; the newest one wins.

`rest_<type>[_<scope>][_<more>]_<date>[_<more>].json` is a body as the exchange sent it, for a dex
(`main`, `dex_xyz`, `xyz`) or a coin (`BTC`). `rest_selection_*.json` holds parts of bodies that its
recorder selected. `candles_<name>_<perp|spot>_<interval>_<window>.csv` and `funding_<coin>_*.csv`
hold rows. Nothing is copied: files are read where they are.
"""

from __future__ import annotations

import csv
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from market_simulator.hyperliquid.bars import INTERVALS

if TYPE_CHECKING:
    from pathlib import Path

    from market_simulator.randomness import F64

_BODY: Final = re.compile(
    r"rest_(?P<type>[A-Za-z0-9]+)_(?P<scope>.*?)_?(?P<date>\d{8}(T\d+)?)(_.*)?"
)
_CANDLES: Final = re.compile(
    r"candles_(?P<name>[^_]+)_(?P<kind>perp|spot)_(?P<interval>[0-9a-zA-Z]+)_(?P<window>\d{8}_\d+)"
)
_FUNDING: Final = re.compile(r"funding_(?P<coin>[^_]+)_.*")
_ROWS_ELSEWHERE: Final = ("candleSnapshot", "fundingHistory", "selection")
_CANDLE_COLUMNS: Final = ("t", "open", "high", "low", "close", "volume")


@dataclass(frozen=True)
class CandleFile:
    """A file of candles: whose, of which interval, and from which recording window."""

    path: Path
    name: str
    kind: str
    interval: str
    window: str


class Recordings:
    """A folder of recordings.

    Raises:
        FileNotFoundError: there is no such folder, or it holds no recording.
    """

    def __init__(self, folder: Path) -> None:
        if not folder.is_dir():
            raise FileNotFoundError(f"no folder {folder}")
        self.folder = folder
        self._bodies: dict[tuple[str, str], tuple[str, Path]] = {}
        self._read: dict[Path, Any] = {}
        self.candle_files: list[CandleFile] = []
        self.funding_files: dict[str, Path] = {}
        for path in sorted(folder.iterdir()):
            self._place(path)
        self._selected = self._selections()
        if not (self._bodies or self.candle_files):
            raise FileNotFoundError(f"no recordings of Hyperliquid in {folder}")

    def body(self, kind: str, scope: str = "") -> Any | None:
        """The newest recorded answer to a request of that type, for that dex or coin."""
        found = self._bodies.get((kind, scope))
        whole = _WITH_CONTEXTS.get(kind)
        if whole is not None:
            wider = self._bodies.get((whole, scope))
            if wider is not None and (found is None or wider[0] >= found[0]):
                return self._json(wider[1])[0]
        if found is not None:
            return self._json(found[1])
        return self._selected.get((kind, scope))

    def scopes(self, kind: str) -> list[str]:
        """The dexs or coins for which a type is recorded."""
        return sorted({s for k, s in (*self._bodies, *self._selected) if k == kind})

    def _place(self, path: Path) -> None:
        if path.suffix == ".json" and (found := _BODY.fullmatch(path.stem)):
            kind, scope = found["type"], _scope(found["scope"])
            if kind not in _ROWS_ELSEWHERE:
                newest = self._bodies.get((kind, scope), ("", path))
                self._bodies[kind, scope] = max(newest, (found["date"], path))
        elif path.suffix == ".csv" and (found := _CANDLES.fullmatch(path.stem)):
            if found["interval"] in INTERVALS:
                self.candle_files.append(CandleFile(path, **found.groupdict()))
        elif path.suffix == ".csv" and (found := _FUNDING.fullmatch(path.stem)):
            self.funding_files[found["coin"]] = path

    def _json(self, path: Path) -> Any:
        if path not in self._read:
            self._read[path] = json.loads(path.read_bytes())
        return self._read[path]

    def _selections(self) -> dict[tuple[str, str], Any]:
        """Answers put together from selected parts; these stand in where no whole body is."""
        parts: dict[str, Any] = {}
        for path in sorted(self.folder.glob("rest_selection_*.json")):
            parts |= json.loads(path.read_bytes()).get("selection", {})
        made: dict[tuple[str, str], Any] = {}
        dex = parts.get("hip3Dex", {}).get("name", "")
        listed = parts.get("hip3Meta", {}).get("universe") or parts.get("hip3Universe")
        if dex and listed:
            meta = {"universe": [_as_sent(asset) for asset in listed]}
            made["meta", dex] = meta
            rows = {row["name"]: row for row in parts.get("hip3AssetContexts", ())}
            known = [asset for asset in meta["universe"] if asset["name"] in rows]
            if known:
                contexts = [_context(rows[asset["name"]]) for asset in known]
                made["metaAndAssetCtxs", dex] = [{"universe": known}, contexts]
        if "spotAssetContexts" in parts:
            spot = self._bodies.get(("spotMeta", ""))
            contexts = [
                {k: v for k, v in row.items() if k != "index"} for row in parts["spotAssetContexts"]
            ]
            made["spotMetaAndAssetCtxs", ""] = [self._json(spot[1]) if spot else {}, contexts]
        return made


def holds(folder: Path) -> bool:
    """Whether a folder has recordings of the exchange."""
    try:
        Recordings(folder)
    except FileNotFoundError:
        return False
    return True


_WITH_CONTEXTS: Final = {"meta": "metaAndAssetCtxs", "spotMeta": "spotMetaAndAssetCtxs"}


def candle_columns(path: Path) -> dict[str, F64]:
    """The columns of a candle file: `t` (open, Unix ms), open, high, low, close, volume."""
    table = np.loadtxt(path, delimiter=",", skiprows=1, ndmin=2)
    return {name: table[:, i] for i, name in enumerate(_CANDLE_COLUMNS)}


def funding_rows(path: Path) -> list[tuple[int, float]]:
    """The rows of a funding file: time in Unix ms, hourly rate."""
    with path.open(newline="") as file:
        return [(int(row["t"]), float(row["fundingRate"])) for row in csv.DictReader(file)]


def _scope(text: str) -> str:
    """`main` → the main dex, `dex_xyz` → `xyz`, `BTC_2rows` → `BTC`."""
    first = text.removeprefix("dex_").split("_")[0]
    return "" if first == "main" else first


def _as_sent(row: dict[str, Any]) -> dict[str, Any]:
    """A selected row without what its recorder added: its number, and options that are not set."""
    return {k: v for k, v in row.items() if k != "index" and v is not False and v is not None}


def _context(row: dict[str, Any]) -> dict[str, Any]:
    """A selected context as sent: contexts of perpetuals go by their place and carry no name."""
    return {k: v for k, v in row.items() if k not in ("index", "name")}
