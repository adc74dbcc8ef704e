"""Whether the words beside a name speak of an asset: of its price, or of its token.

"Avalanche above $40" does, "Avalanche win the Stanley Cup" does not. Patterns only; which names
need this stands in `assets.csv`.
"""

from __future__ import annotations

import re
from typing import Final

_AMOUNT: Final = r"(?:\$\s*[\d.]|_{2,}|…|\.{3})"
_HELPERS: Final = (
    r"(?:(?:be|is|still|ever|first|trade[sd]?|trading|close[sd]?|finish(?:es)?|end|go|goes|get|"
    r"fall|falls|drop|drops|rise|rises|dump|pump|stay|remain|settle|the|this|price|day|week|month|"
    r"quarter|year|20\d\d)\s+){0,4}"
)
_MOVE: Final = (
    r"(?:above|below|over|under|reach(?:es)?|hits?|dips?(?:\s+(?:to|below))?|at|to|between|"
    r"exceeds?|surpass(?:es)?|cross(?:es)?|(?:higher|lower|less|greater|more)\s+than)"
)
_ALL_TIME: Final = r"(?:all[\s-]time[\s-](?:high|low)|ath\b)"
_PRICE_AFTER: Final = re.compile(
    rf"\s+{_HELPERS}(?:"
    rf"up\s+or\s+down\b"
    rf"|{_MOVE}\s*{_AMOUNT}"
    rf"|[<>≥≤]=?\s*\$"
    rf"|(?:(?:hit|reach|make|set)\s+)?(?:an?\s+|its\s+)?(?:new\s+)?{_ALL_TIME}"
    rf"|flip(?:s|pen)?\s|outperforms?\b|overtakes?\s"
    rf"|enters?\s+the\s+top\s+\d+\s+crypto"
    rf")",
    re.IGNORECASE,
)
_LAUNCH: Final = (
    r"\s+(?:market\s+cap\s+\(?FDV|FDV|airdrops?|TGE)\b"
    r"|\s+(?:to\s+)?(?:launch|release|announce|perform|do|have|complete)\w*\s+"
    r"(?:an?\s+|its\s+|the\s+)?(?:\w+\s+)?(?:token|airdrop|coin|TGE)\b"
)
_LAUNCH_AFTER: Final = re.compile(_LAUNCH, re.IGNORECASE)
_TOKEN_AFTER: Final = re.compile(
    _LAUNCH + r"|\s+(?:(?:crypto|native|governance|network|spot)\s+)?"
    r"(?:mem\s?coins?|meme\s?coins?|coins?|tokens?|cryptocurrency|blockchain|mainnet|protocol|"
    r"foundation|market\s+cap|mcap|ETFs?|staking|TVL|validators?|dominance|treasury|price|perps?)\b",
    re.IGNORECASE,
)
_NOUN_AFTER: Final = re.compile(
    r"\s+(?:tokens?|mem\s?coins?|meme\s?coins?|blockchain|mainnet|airdrops?|FDV|TGE)\b",
    re.IGNORECASE,
)
"""Nouns that only crypto has: "the Avalanche token" is no club's."""
_EXCHANGES: Final = (
    r"(?:Binance|Bitget|Bithumb|Bitstamp|Bybit|Coinbase|Crypto\.com|Gate(?:\.io)?|Gemini|HTX|"
    r"Hyperliquid|Kraken|KuCoin|MEXC|OKX|Upbit)\b"
)
_LISTED_AFTER: Final = re.compile(
    r"\s+(?:(?:be|been|being|ever|first|get|gets|is|still)\s+){0,3}"
    rf"(?:(?:re|de|un)?-?listed|(?:de|re)?-?listing)\s+(?:at|by|from|on)\s+{_EXCHANGES}",
    re.IGNORECASE,
)
_CONVERTED_BEFORE: Final = re.compile(
    r"\b(?:convert|exchang|migrat|rebrand|redenominat|swap|upgrad)\w*\s+"
    r"(?:[\w$]+\s+){0,3}?(?:to|into|for)\s+$",
    re.IGNORECASE,
)
_PRICE_BEFORE: Final = re.compile(
    r"(?:(?:price|value|market\s+cap|FDV|TVL|supply)\s+(?:of|for)\s+(?:the\s+)?"
    r"|what\s+price\s+will\s+)$",
    re.IGNORECASE,
)
_HOLDING_BEFORE: Final = re.compile(
    r"\b(?:hold|holds|holding|buy|buys|own|owns|sell|sells|acquire|acquires|stake|stakes)\b"
    r"[^?]{0,30}\d[\d,.]*\s?[kmb]?\+?\s+$",
    re.IGNORECASE,
)
_IN_BRACKETS: Final = re.compile(r"(?:['’]s)?\s+\(\$?([A-Za-z0-9]+)\)")
_FORMERLY: Final = re.compile(
    r"\s+\((?:ex|fka|f\.k\.a\.|formerly|once|previously|was)[\s-][^()]{1,40}\)", re.IGNORECASE
)
_THE_BEFORE: Final = re.compile(r"\bthe\s+$", re.IGNORECASE)
_SAID_BEFORE: Final = re.compile(
    r"\b(?:say|says|said|saying|mention|mentions|mentioned|utter|utters)\b", re.IGNORECASE
)
_SAID_AFTER: Final = re.compile(
    r"[\"'”’]?"
    r"(?:\s*(?:/|,|\bor\b|\band\b)\s*[\"'“\u2018]?[\w.&-]+(?:\s[\w.&-]+)?[\"'”’]?){0,3}?\s+(?:"
    r"(?:(?:be|been|being|ever|first|get|gets|is|to|was)\s+){0,3}"
    r"(?:said|mentioned|uttered|spoken|brought\s+up)\b"
    r"|(?:comes?|came)\s+up\b"
    r"|\d+\s*\+?\s*(?:or\s+more\s+)?times\b)",
    re.IGNORECASE,
)
_SPEECH: Final = re.compile(
    r"\b(?:say|says|said|saying|mention\w*|utter(?:s|ed)?|spoken)\b|\d\s*\+\s*times\b",
    re.IGNORECASE,
)
_QUOTES: Final = {'"': '"', "“": "”", "\u2018": "’", "'": "'"}
_POSSESSIVE: Final = re.compile(r"['’]s")
_REACH: Final = 60
"""Letters before a name that are looked at."""


def speaks_of_asset(
    text: str, start: int, end: int, tickers: frozenset[str], *, crypto: bool = False
) -> bool:
    """Whether the words beside `text[start:end]` make it an asset with a price or a token.

    Args:
        text: the title.
        start: where the name begins.
        end: where it ends.
        tickers: how the asset may stand in brackets behind the name. Another ticker there, as in
            "Sky Quarry (SKYQ)", makes the name that of a company.
        crypto: whether a tag says that it is about crypto. Then clubs and companies are none of
            its subjects, and less has to be said.
    """
    if crypto and (is_alone(text, start, end) or _FORMERLY.match(text, end)):
        return True
    ticker = _IN_BRACKETS.match(text, end)
    if ticker:
        return ticker.group(1).upper() in tickers
    former = _FORMERLY.match(text, end)
    if former:
        end = former.end()
    before = text[max(0, start - _REACH) : start]
    end = _past_possessive(text, end)
    if _PRICE_BEFORE.search(before) or _HOLDING_BEFORE.search(before):
        return True
    if _THE_BEFORE.search(before) and not crypto:  # "the Avalanche" are a club
        return bool(_NOUN_AFTER.match(text, end))
    if crypto and (_LISTED_AFTER.match(text, end) or _CONVERTED_BEFORE.search(before)):
        return True
    return bool(_PRICE_AFTER.match(text, end) or _TOKEN_AFTER.match(text, end))


def is_alone(text: str, start: int, end: int) -> bool:
    """Whether a name is the whole title: one of several in an event."""
    return not (text[:start].strip() or text[end:].strip(" ?!."))


def speaks_of_launch(text: str, end: int) -> bool:
    """Whether the words behind a name are those of a token's launch, where case does not matter.

    Polymarket has titles such as "Will lighter perform an airdrop …".
    """
    return bool(_LAUNCH_AFTER.match(text, _past_possessive(text, end)))


def is_spoken(text: str, start: int, end: int) -> bool:
    """Whether the name is a word that somebody may say: the question is about the speech."""
    quote = text[start - 1 : start] if start else ""
    return bool(
        (quote and text[end : end + 1] == _QUOTES.get(quote))
        or _SAID_BEFORE.search(text, 0, start)
        or _SAID_AFTER.match(text, end)
    )


def is_about_speech(text: str) -> bool:
    """Whether a title asks for words that are said, whichever these are."""
    return bool(_SPEECH.search(text))


def _past_possessive(text: str, end: int) -> int:
    possessive = _POSSESSIVE.match(text, end)
    return possessive.end() if possessive else end
