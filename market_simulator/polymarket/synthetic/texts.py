"""The venue's ways to write an instant, and the text of an event's rules."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Final

from market_simulator.clock import from_ms

if TYPE_CHECKING:
    from market_simulator.polymarket.synthetic.model import Event

IMAGES: Final = "https://images.invalid/"
_KEPT_SECONDS: Final = 8_192


def zulu(at_ms: int) -> str:
    """`2026-07-24T00:00:00Z`."""
    return f"{_second(at_ms // 1000)}Z"


def fine(at_ms: int, key: int) -> str:
    """With microseconds, that nobody asked for."""
    return f"{_second(at_ms // 1000)}.{key % 1_000_000:06d}Z"


def spaced(at_ms: int) -> str:
    """`2026-07-24 00:00:16+00`."""
    return f"{_second(at_ms // 1000).replace('T', ' ')}+00"


def rules(event: Event) -> str:
    """The text that says how it is decided; a few hundred characters, as the venue's have."""
    due = "whenever that is known" if event.draft.endless else f"as of {zulu(event.ends_ms)}"
    return (
        f"This market will resolve according to the outcome of “{event.draft.title}”"
        f" {due}.\n\nThe resolution source is information that is publicly"
        " available from the body responsible; where it has not published a result within the"
        " usual time, a consensus of credible reporting may be used instead. If the question"
        " cannot be decided by then, the market resolves 50-50.\n\nMinor differences in names do"
        " not matter as long as what is meant is clear."
    )


@functools.lru_cache(_KEPT_SECONDS)
def _second(second: int) -> str:
    return f"{from_ms(second * 1000):%Y-%m-%dT%H:%M:%S}"
