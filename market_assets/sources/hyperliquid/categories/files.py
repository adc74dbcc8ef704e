"""Which categories there are, and who is in them by hand.

`taxonomy.csv` names the categories; the project's `assets.csv` puts well-known assets into them,
since the exchange gives categories for builder dexs only. Spot symbols stand for their main-net
pair: @107 is HYPE, @142, @151 and @156 are bitcoin, ether and solana, @150 and @166 are dollars,
@182 is gold.
"""

from __future__ import annotations

import csv
import re
from importlib import resources
from typing import Final, NamedTuple

from market_assets.vocabulary.assets import known_assets

EXCHANGE: Final = "exchange"
"""Parent of the categories that are not in `taxonomy.csv`: deployers choose the text freely."""


class Category(NamedTuple):
    """One category; `parent` and `description` are None where there is none."""

    category: str
    label: str
    parent: str | None
    description: str | None


def taxonomy() -> list[Category]:
    """The categories that this project knows, in the order of the file."""
    return [
        Category(row["category"], row["label"], row["parent"] or None, row["description"] or None)
        for row in _rows("taxonomy.csv")
    ]


def curated() -> list[tuple[str, str]]:
    """(symbol, category) as put together by hand."""
    return [
        (symbol, category)
        for asset in known_assets()
        for symbol in asset.symbols
        for category in asset.categories
    ]


def short_name(text: str) -> str:
    """A deployer's text as a category's short name: `Pre-IPO Stocks` is `pre_ipo_stocks`.

    Empty if there is no letter or digit in it.
    """
    return re.sub(r"[\W_]+", "_", text.casefold()).strip("_")


def label_of(category: str) -> str:
    """What people read where nobody wrote a label: `pre_ipo_stocks` is `Pre ipo stocks`."""
    words = category.replace("_", " ")
    return words[:1].upper() + words[1:]


def _rows(name: str) -> list[dict[str, str]]:
    text = resources.files(__package__).joinpath(name).read_text("utf-8")
    return list(csv.DictReader(text.splitlines()))
