"""Turning a body into what it says, and the ways in which that fails, told as a `VenueError`.

The same for every venue: a body that was cut or is no JSON may be whole the next time; one that is
whole but of another shape, or nested without end, will not.

Not here: shapes (each source's `wire.py`), whether a body arrived whole (`bodies.py`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeVar

import msgspec

from market_assets.sources.bodies import excerpt
from market_assets.sources.errors import VenueNonsense, VenueUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable

    from market_assets.sources.bodies import Body

_Body = TypeVar("_Body", bound="Body")
_T = TypeVar("_T")

UNREADABLE: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What a msgspec decoder raises for bytes that it cannot read: no JSON or of another shape, text
that is no UTF-8, nested without end. The latter two are no errors of msgspec's own."""


def decoded(venue: str, what: str, body: _Body, decode: Callable[[_Body], _T]) -> _T:
    """The body as `decode` reads it.

    Args:
        venue: whose body it is.
        what: names the question in errors.
        body: as it came.
        decode: raises one of `UNREADABLE` for what it cannot read.

    Raises:
        VenueNonsense: it is whole, and something else than was asked for.
        VenueUnavailable: it is cut, or no JSON.
    """
    try:
        return decode(body)
    except msgspec.ValidationError as error:
        raise VenueNonsense(venue, f"{what}: {error}: {excerpt(body)}") from error
    except RecursionError as error:
        raise VenueNonsense(venue, f"{what}: nested without end: {excerpt(body)}") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise VenueUnavailable(venue, f"{what}: cut or no JSON: {error}") from error
