"""Titles that name nothing of their own: prices, dates, and the small words between them.

In an event on one asset, many markets are called "↑ $4,500" or "By March 31": what they are about
is said by the event. A title with any other word is about something, whatever that may be.
"""

from __future__ import annotations

import re
from typing import Final

from market_assets.features.linking.vocabulary import words

_NUMBER: Final = re.compile(r"[\d.,]+(?:st|nd|rd|th|k|m|b|t|bn|mm|am|pm|x|bps|pct)?")
_QUARTER: Final = re.compile(r"[qh][1-4]")
_MONTHS: Final = (
    "january february march april may june july august september october november december "
    "jan feb mar apr jun jul aug sep sept oct nov dec"
)
_DAYS: Final = (
    "monday tuesday wednesday thursday friday saturday sunday mon tue wed thu fri sat sun"
)
_TIMES: Final = (
    "minute minutes hour hours day days week weeks weekend month months quarter year years today "
    "tomorrow tonight midnight noon am pm et est edt utc gmt eod eoy now ever"
)
_MOVES: Final = (
    "above below over under up down between reach reaches reached hit hits dip dips top tops fall "
    "falls drop drops rise rises close closes end ends finish finishes settle settles high low "
    "higher lower highest lowest greater less more fewer than least most exactly about around "
    "price prices value market cap all time new record range green red gain loss percent"
)
_SMALL: Final = (
    "a an the it its this that these those they what which who when how will would be is are was "
    "does do did has have can could by before after until till on in at of to from for with and or "
    "not no yes if as then first next last again still only any there come comes happen happens go "
    "goes get gets stay stays start starts begin late early mid usd usdc usdt dollars"
)
_WORDS: Final = frozenset(f"{_MONTHS} {_DAYS} {_TIMES} {_MOVES} {_SMALL}".split())


def is_bare(title: str) -> bool:
    """Whether no word of a title names anything; an empty title is bare, too."""
    return all(_is_small(word.key) for word in words(title))


def _is_small(key: str) -> bool:
    return key in _WORDS or bool(_NUMBER.fullmatch(key) or _QUARTER.fullmatch(key))


def is_one_of_several(title: str, event_title: str) -> bool:
    """Whether a title stands in its event's, among other words: "Gold" of "Bitcoin vs. Gold"."""
    part = [word.key for word in words(title)]
    whole = [word.key for word in words(event_title)]
    if not part or len(part) >= len(whole):
        return False
    return any(whole[at : at + len(part)] == part for at in range(len(whole) - len(part) + 1))
