"""The two tables of words, `aliases.csv` and `denials.csv`, read and checked.

What the columns mean stands at the top of each file. Here they become `Alias` and `Denial`; nothing
here knows which of the assets an exchange lists (`listings`) or how a title is read (`reading`).
"""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Final, Literal, cast, get_args

Kind = Literal["name", "ticker", "tag", "spot"]
Needs = Literal["nothing", "hint", "wording", "both", "cashtag", "never"]

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
    """A row of `aliases.csv`. `tickers` are those of the asset, best first."""

    text: str
    tickers: tuple[str, ...]
    kind: Kind
    needs: Needs


@dataclass(frozen=True, slots=True)
class Denial:
    """A row of `denials.csv`. `alias` is '' where the words themselves are something else."""

    text: str
    alias: str


class VocabularyError(ValueError):
    """A row of the tables makes no sense."""


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
    """What assets are called, in the order of the file.

    Raises:
        VocabularyError: a row has no alias or ticker, an unknown kind, or needs that do not fit.
    """
    return parse_aliases(_read("aliases.csv"))


@cache
def denials() -> tuple[Denial, ...]:
    """What looks like an asset and is not, in the order of the file."""
    return tuple(Denial(row["text"], row["alias"]) for row in _rows(_read("denials.csv")))


def parse_aliases(text: str) -> tuple[Alias, ...]:
    """`Alias` of each row of a file with the columns of `aliases.csv`; lines with # are left out.

    Raises:
        VocabularyError: a row has no alias or ticker, an unknown kind, or needs that do not fit.
    """
    return tuple(_alias(row) for row in _rows(text))


def _alias(row: dict[str, str]) -> Alias:
    text, kind, needs = row["alias"], row["kind"], row["needs"]
    tickers = tuple(row["ticker"].split("|"))
    if not text or not all(tickers):
        raise VocabularyError(f"aliases.csv: {row} lacks an alias or a ticker")
    if kind not in get_args(Kind):
        raise VocabularyError(f"aliases.csv: {text}: kind {kind!r}; one of {get_args(Kind)}")
    if kind in ("tag", "spot"):
        return Alias(text, tickers, cast("Kind", kind), "nothing")
    if needs not in get_args(Needs):
        raise VocabularyError(f"aliases.csv: {text}: needs {needs!r}; one of {get_args(Needs)}")
    if kind == "name" and needs in ("cashtag", "never"):
        raise VocabularyError(f"aliases.csv: {text}: only a ticker can need {needs}")
    return Alias(text, tickers, cast("Kind", kind), cast("Needs", needs))


def _rows(text: str) -> list[dict[str, str]]:
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return list(csv.DictReader(lines))


def _read(name: str) -> str:
    return resources.files(__package__).joinpath(name).read_text("utf-8")
