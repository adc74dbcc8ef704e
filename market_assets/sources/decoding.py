"""Turning a body into what it says, and the ways in which that fails, told as a `VenueError`.

The same for every venue. An answer is decoded in one go; only where that fails, piece by piece, so
that what cannot be read costs itself and nothing beside it. A fault goes up to the nearest place
that can do without what holds it:

- an element of a list that may be None (`list[Row | None]`) becomes None: a row that is left out;
- a field with a default gets it;
- an entry of a map is left out;
- everywhere else it takes along what holds it, in the end the whole answer.

Each is named as a `Fault`. It makes no difference whether a value is of another type, no JSON (a
bare NaN, half of a surrogate pair, a control character, nesting without end), or a number that no
type holds. A text of which single characters cannot be read keeps the others, unless it is `EXACT`.

A body that ends too early, or is no JSON at all, may be whole the next time; one that is whole but
something else than was asked for will not.

Not here: shapes (each source's `wire.py`), where pieces begin and end (`scanning.py`), reading them
(`tolerance.py`), whether a body arrived whole (`bodies.py`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Generic, NamedTuple, TypeVar

import msgspec

from market_assets.sources.bodies import excerpt
from market_assets.sources.errors import VenueNonsense, VenueUnavailable
from market_assets.sources.faults import UNREADABLE, Fault, Place, Unread
from market_assets.sources.scanning import pieces, trimmed
from market_assets.sources.tolerance import reader_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from market_assets.sources.bodies import Body

_Body = TypeVar("_Body", bound="Body")
_R = TypeVar("_R")
_T = TypeVar("_T")

__all__ = ["UNREADABLE", "Decoder", "Fault", "Read", "Rows", "decoded"]

_CONTAINERS: Final = b"[{"
_raw: Final = msgspec.json.Decoder(msgspec.Raw)


class Read(NamedTuple, Generic[_T]):
    """An answer as far as it could be read.

    Attributes:
        value: what it says.
        faults: what is left out of that.
    """

    value: _T
    faults: list[Fault]

    def rows(
        self, items: Sequence[_R | None] | None, *path: str | int, may_be_null: bool = False
    ) -> Rows[_R]:
        """One of the lists in the value, with the faults that are in it.

        Args:
            items: the list.
            path: where it stands.
            may_be_null: a null in it is no fault.
        """
        depth = len(path)
        faults = [
            fault._replace(path=fault.path[depth:])
            for fault in self.faults
            if fault.path[:depth] == path != fault.path
        ]
        rows = Rows(list(items or ()), faults)
        if not may_be_null and None in rows.items:
            known = rows.left_out
            rows.faults.extend(
                Fault((position,), "", "", "null")
                for position, item in enumerate(rows.items)
                if item is None and position not in known
            )
        return rows


class Rows(NamedTuple, Generic[_R]):
    """A list of rows.

    Attributes:
        items: as long as the list; None where it holds null, or a row that could not be read.
        faults: those rows, and the values that are left out of others. The first part of a path
            is the position.
    """

    items: list[_R | None]
    faults: list[Fault]

    @property
    def left_out(self) -> dict[int, Fault]:
        """The rows that could not be read, by position."""
        return {int(fault.path[0]): fault for fault in self.faults if len(fault.path) == 1}


class Decoder(Generic[_T]):
    """Reads answers of one type. Thread-safe.

    Attributes:
        type: what an answer says, as msgspec has it.
    """

    def __init__(self, type_: Any, *, strict: bool = True) -> None:
        """Make a decoder.

        Args:
            type_: what an answer says, as msgspec has it.
            strict: numbers are no texts; else `"0.5"` is one.
        """
        self.type = type_
        self._reader = reader_of(type_, strict=strict)
        self._decode = self._reader.decode

    def read(self, body: Body | memoryview) -> Read[_T]:
        """An answer: all that can be read of it.

        Raises:
            msgspec.ValidationError: it is something else.
            RecursionError: it is nested without end.
            msgspec.DecodeError: it is cut (`scanning.CutError`), or no JSON.
        """
        try:
            return Read(self._decode(body), [])
        except UNREADABLE as error:
            return self._pieced(body, error)

    def _pieced(self, body: Body | memoryview, error: Exception) -> Read[_T]:
        text = trimmed(body)
        if not text or text[0] not in _CONTAINERS:
            raise error
        try:
            _raw.decode(text)
        except UNREADABLE:
            pieces(text)  # it says so if it is cut
        faults: list[Fault] = []
        try:
            return Read(self._reader.pieced(text, Place(), faults, error), faults)
        except Unread as unread:
            if isinstance(error, RecursionError):
                raise error from None
            raise msgspec.ValidationError(str(unread)) from error


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
