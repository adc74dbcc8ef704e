"""What a title may call an asset, and what only looks so: `assets.csv` and `denials.csv` as words.

What the columns mean stands at the top of each file. Here they become `Alias` and `Denial`; nothing
here knows which of the assets an exchange lists (`listings`) or how a title is read (`reading`).
"""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Final, Literal

from market_assets.vocabulary.assets import known_assets

if TYPE_CHECKING:
    from market_assets.vocabulary.assets import KnownAsset, Needs

Kind = Literal["name", "ticker", "tag", "spot"]

_WORD: Final = re.compile(r"[^\W_]+(?:[.&'’][^\W_]+)*")
_POSSESSIVE: Final = re.compile(r"['’]s$", re.IGNORECASE)
_YEAR: Final = re.compile(r"(?:19|20)\d\d|####")


@dataclass(frozen=True, slots=True)
class Word:
    """A word of a text and where it stands; `key` is how words are compared."""

    key: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Alias:
    """One way to call an asset. `tickers` are those of the asset, best first."""

    text: str
    tickers: tuple[str, ...]
    kind: Kind
    needs: Needs


@dataclass(frozen=True, slots=True)
class Denial:
    """A row of `denials.csv`. `alias` is '' where the words themselves are something else."""

    text: str
    alias: str


def words(text: str) -> list[Word]:
    """The words of a text, in order.

    Dots, ampersands and apostrophes inside a word belong to it, so "U.S." is not S, "S&P" is not
    S, and "Pump.fun" is one word; a hyphen parts words. A possessive 's is not part of it.
    """
    found = []
    for match in _WORD.finditer(text):
        start, raw = match.start(), match.group()
        if "'" in raw or "’" in raw:
            raw = _POSSESSIVE.sub("", raw)
        found.append(Word(raw.casefold(), start, start + len(raw)))
    return found


def key_of(text: str) -> tuple[str, ...]:
    """Words as a phrase is looked up by them; a year is `####`."""
    spaced = text.replace("####", "2000")
    return tuple(year_blind(word.key) for word in words(spaced))


def year_blind(key: str) -> str:
    """A word, or `####` for a year."""
    return "####" if len(key) == len("####") and _YEAR.fullmatch(key) else key


def slug_of(text: str) -> str:
    """A name as Polymarket writes it in a slug: `Pudgy Penguins` is `pudgy-penguins`."""
    return re.sub(r"[\W_]+", "-", text.casefold().replace(".", "")).strip("-")


@cache
def aliases() -> tuple[Alias, ...]:
    """What assets are called, in the order of `assets.csv`."""
    return tuple(alias for asset in known_assets() for alias in aliases_of(asset))


def aliases_of(asset: KnownAsset) -> tuple[Alias, ...]:
    """Every way to call one asset: its names, its tickers, its tags and its spot tokens."""
    tickers = asset.all_tickers
    return (
        *(Alias(name.text, tickers, "name", name.needs) for name in asset.names),
        *(Alias(ticker.text, tickers, "ticker", ticker.needs) for ticker in asset.tickers),
        *(Alias(tag, tickers, "tag", "nothing") for tag in asset.tags),
        *(Alias(token, tickers, "spot", "nothing") for token in asset.spot),
    )


@cache
def denials() -> tuple[Denial, ...]:
    """What looks like an asset and is not, in the order of the file."""
    return tuple(Denial(row["text"], row["alias"]) for row in _rows(_read("denials.csv")))


def _rows(text: str) -> list[dict[str, str]]:
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return list(csv.DictReader(lines))


def _read(name: str) -> str:
    return resources.files(__package__).joinpath(name).read_text("utf-8")
