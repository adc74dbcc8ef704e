"""Questions that ask whether a price stands above or below one figure on a date.

Only those whose answer depends on the price at the end are read: "reach", "hit", "dip" and their
like are true as soon as the price touches the figure, which has another probability. So may be "by"
and "before" a date, "in" a month or a year, and what has to hold all the time.
"""

from __future__ import annotations

import re
from typing import Final, Literal, NamedTuple

Direction = Literal["above", "below"]

_PRICE: Final = re.compile(
    r"\$\s*(?P<figure>\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?|\.\d+)"
    r"\s?(?P<unit>k|m|b|thousand|million|billion)?(?!\w|[.,]\d|\s*[-\u2013]\s*\$?\d)",
    re.IGNORECASE,
)
_DOLLAR: Final = re.compile(r"\$\s*[\d._]")
_UNITS: Final = {
    "": 1.0,
    "k": 1e3,
    "thousand": 1e3,
    "m": 1e6,
    "million": 1e6,
    "b": 1e9,
    "billion": 1e9,
}
_ABOVE: Final = re.compile(
    r"\b(?:above|over|(?:greater|higher|more)\s+than)\b|>|≥|\bat\s+least\b", re.IGNORECASE
)
_BELOW: Final = re.compile(r"\b(?:below|under|(?:less|lower)\s+than)\b|<|≤", re.IGNORECASE)
_MONTH: Final = (
    r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?"
    r"|sep(?:t(?:ember)?)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)"
)
_NOT_AT_THE_END: Final = re.compile(
    r"\b(?:reach\w*|hit\w*|dip\w*|touch\w*|cross\w*|surpass\w*|exceed\w*|break\w*|fall\w*|drop\w*"
    r"|rise\w*|climb\w*|plunge\w*|crash\w*|go|goes|first|ever|any|anytime|between"
    r"|all[\s-]time|ath|by|before|until|till|through|throughout|within|during|stay\w*|remain\w*"
    rf"|hold\w*|always|never|in\s+(?:20\d\d|{_MONTH}))\b",
    re.IGNORECASE,
)
_NOT_A_PRICE: Final = re.compile(
    r"\b(?:fdv|market\s+cap\w*|mcap|tvl|volume|supply|dominance|revenue|fees?|inflows?|outflows?"
    r"|funding|open\s+interest|launch\w*|airdrop\w*|ratio)\b",
    re.IGNORECASE,
)
_DATE: Final = re.compile(
    rf"\b{_MONTH}\b\.?(?:\s+\d|\s*\?|\s*$|,)|\b\d{{1,2}}(?:st|nd|rd|th)?\s+(?:of\s+)?{_MONTH}\b"
    r"|\b20\d\d\b|\b\d{1,2}/\d{1,2}\b",
    re.IGNORECASE,
)


class PriceQuestion(NamedTuple):
    """What is asked of a price.

    Attributes:
        direction: on which side of the strike the price has to stand for a Yes.
        strike: in USD.
    """

    direction: Direction
    strike: float


def price_question(question: str) -> PriceQuestion | None:
    """The one price that a question states, and on which side of it Yes lies.

    `$101k`, `$1.2m` and `$1,700.50` are prices. None where the question states no price or several,
    no date, no side or both, or another condition than the price at the end.
    """
    prices = list(_PRICE.finditer(question))
    above, below = bool(_ABOVE.search(question)), bool(_BELOW.search(question))
    if len(prices) != 1 or len(_DOLLAR.findall(question)) != 1 or above == below:
        return None
    if _NOT_AT_THE_END.search(question) or _NOT_A_PRICE.search(question):
        return None
    if not _DATE.search(question):
        return None
    [price] = prices
    figure = float(price["figure"].replace(",", ""))
    strike = figure * _UNITS[(price["unit"] or "").lower()]
    return PriceQuestion("above" if above else "below", strike) if strike > 0 else None
