"""The parts of lists and objects, as text: in one go where that is JSON, else by their brackets.

Not here: where pieces of broken text begin and end (`scanning.py`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from market_assets.sources.faults import SHOWN, UNREADABLE, Unread
from market_assets.sources.scanning import member, pieces, shown

if TYPE_CHECKING:
    from collections.abc import Iterator

BRACE: Final = ord("{")
BRACKET: Final = ord("[")

_raws: Final = msgspec.json.Decoder(list[msgspec.Raw])
_raw_map: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])


def elements(text: memoryview) -> list[memoryview]:
    """What is in a list.

    Raises:
        Unread: nobody can tell.
    """
    try:
        return [memoryview(raw) for raw in _raws.decode(text)]
    except UNREADABLE:
        pass
    try:
        return pieces(text)
    except msgspec.DecodeError as error:
        raise Unread(str(error)) from error


def members(text: memoryview) -> Iterator[tuple[str | None, memoryview | None]]:
    """What is in an object.

    The key is None where it cannot be read, the value where a piece is not one key and one value.

    Raises:
        Unread: nobody can tell.
    """
    try:
        for key, raw in _raw_map.decode(text).items():
            yield key, memoryview(raw)
    except UNREADABLE:
        pass
    else:
        return
    try:
        found = pieces(text)
    except msgspec.DecodeError as error:
        raise Unread(str(error)) from error
    yield from map(member, found if not found or found[-1] else found[:-1])


def fields(text: memoryview) -> dict[str | None, memoryview]:
    """What is in an object whose keys belong together.

    Raises:
        Unread: nobody can tell, or a part of it is not one key and one value: then the rest may not
            be what it was either.
    """
    found = {}
    for key, value in members(text):
        if value is None:
            raise Unread(f"not one key and one value each: {shown(text, SHOWN)}")
        found[key] = value
    return found


def opened(text: memoryview, bracket: int, error: Exception) -> memoryview:
    """The text, if it begins with that bracket.

    Raises:
        Unread: it is something else, and so it could not be read.
    """
    if not text or text[0] != bracket:
        raise Unread(reason_of(error, text)) from error
    return text


def reason_of(error: Exception, text: memoryview) -> str:
    """Why a value could not be read in one go."""
    why = "nested without end" if isinstance(error, RecursionError) else str(error)
    return f"{why}: {shown(text, SHOWN)}"
