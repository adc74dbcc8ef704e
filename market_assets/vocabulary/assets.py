"""The assets that this project knows by name: `assets.csv`, read and checked.

One row an asset, for whoever has to recognise it: titles of prediction markets (names, tickers,
tags), DefiLlama's subjects (ids), Hyperliquid's registry (categories). What the columns mean stands
at the top of the file. Which assets an exchange lists is not known here.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Final, Literal, NamedTuple, cast, get_args

Needs = Literal["nothing", "hint", "wording", "both", "cashtag", "never"]
"""What must stand beside a name before it means the asset; see `assets.csv`."""

_FILE: Final = "assets.csv"
_FOR_TICKERS: Final = ("cashtag", "never")


class Spelling(NamedTuple):
    """How a title may write an asset, and what else it needs to mean it."""

    text: str
    needs: Needs


@dataclass(frozen=True, slots=True)
class KnownAsset:
    """A row of `assets.csv`.

    Attributes:
        ticker: its own: PEPE.
        formerly: its tickers before it was renamed.
        symbols: Hyperliquid's symbols of it, the perp first: kPEPE.
        names: words of a title.
        tickers: the same, letter for letter.
        spot: tokens of Hyperliquid's spot pairs that are the asset.
        tags: slugs of Polymarket's tags that mean it.
        gecko_ids: CoinGecko's ids.
        parents: DefiLlama's protocol families whose token it is.
        protocols: DefiLlama's protocols whose token it is.
        chains: DefiLlama's chains whose coin it is.
        categories: those of the taxonomy that it is in.
    """

    ticker: str
    formerly: tuple[str, ...]
    symbols: tuple[str, ...]
    names: tuple[Spelling, ...]
    tickers: tuple[Spelling, ...]
    spot: tuple[str, ...]
    tags: tuple[str, ...]
    gecko_ids: tuple[str, ...]
    parents: tuple[str, ...]
    protocols: tuple[str, ...]
    chains: tuple[str, ...]
    categories: tuple[str, ...]

    @property
    def all_tickers(self) -> tuple[str, ...]:
        """The ticker of now, and those before it."""
        return (self.ticker, *self.formerly)


class VocabularyError(ValueError):
    """A row of a table of words makes no sense."""


@cache
def known_assets() -> tuple[KnownAsset, ...]:
    """Every asset, in the order of the file.

    Raises:
        VocabularyError: a row has no ticker, a column too many or too few, or needs that do not
            fit; or two rows have the same ticker.
    """
    return parse_assets(resources.files(__package__).joinpath(_FILE).read_text("utf-8"))


def parse_assets(text: str) -> tuple[KnownAsset, ...]:
    """The assets of a file with the columns of `assets.csv`; lines with # are left out.

    Raises:
        VocabularyError: as `known_assets`.
    """
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    found = tuple(_asset(row) for row in csv.DictReader(lines))
    owners: dict[str, KnownAsset] = {}
    for asset in found:
        for ticker in asset.all_tickers:
            if owners.setdefault(ticker, asset) is not asset:
                raise VocabularyError(f"{_FILE}: two rows have the ticker {ticker}")
    return found


def _asset(row: dict[str, str]) -> KnownAsset:
    if None in row or None in row.values():
        raise VocabularyError(f"{_FILE}: {row} has a column too many or too few")
    if not row["ticker"]:
        raise VocabularyError(f"{_FILE}: {row} has no ticker")
    lists = {name: _listed(row, name) for name in row if name != "ticker"}
    tickers = (row["ticker"], *lists["formerly"])
    return KnownAsset(
        ticker=row["ticker"],
        formerly=lists["formerly"],
        symbols=lists["symbols"] or tickers,
        names=tuple(_spelling(row, text, is_ticker=False) for text in lists["names"]),
        tickers=tuple(_spelling(row, text, is_ticker=True) for text in lists["tickers"]),
        spot=lists["spot"],
        tags=lists["tags"],
        gecko_ids=lists["gecko_ids"],
        parents=lists["parents"],
        protocols=lists["protocols"],
        chains=lists["chains"],
        categories=lists["categories"],
    )


def _listed(row: dict[str, str], name: str) -> tuple[str, ...]:
    found = tuple(row[name].split("|")) if row[name] else ()
    if not all(found):
        raise VocabularyError(f"{_FILE}: {row['ticker']}: {name} {row[name]!r} has an empty entry")
    return found


def _spelling(row: dict[str, str], entry: str, *, is_ticker: bool) -> Spelling:
    text, _, needs = entry.partition(":")
    needs = needs or "nothing"
    if needs not in get_args(Needs):
        raise VocabularyError(
            f"{_FILE}: {row['ticker']}: {text} needs {needs!r}; one of {get_args(Needs)}"
        )
    if needs in _FOR_TICKERS and not is_ticker:
        raise VocabularyError(f"{_FILE}: {row['ticker']}: {text}: only a ticker can need {needs}")
    return Spelling(text, cast("Needs", needs))
