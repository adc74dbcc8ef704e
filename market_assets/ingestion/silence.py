"""Telling an outage from an answer: a venue that names nothing of all that it named before.

An empty list is whole, and says in the venue's own words that there is nothing. Where the store
knows of many things that were there a moment ago, that is not believed: taken at its word it would
close, unlist or delete them all, and the run would be green.
"""

from __future__ import annotations

from typing import Final

from market_assets.sources.errors import VenueNonsense

ENOUGH_TO_JUDGE: Final = 10
"""Fewer things than this can all be gone at once."""


def refuse_silence(venue: str, what: str, *, known: int, answered: int) -> None:
    """Let an answer pass unless it is empty and should not be.

    Args:
        venue: whose answer it is.
        what: names the question in the error.
        known: how many things of the kind the store knows of, or were asked for by their ids.
        answered: how many the answer has.

    Raises:
        VenueNonsense: it has none of them.
    """
    if answered == 0 and known >= ENOUGH_TO_JUDGE:
        raise VenueNonsense(venue, f"{what}: an empty answer, and {known} are known")
