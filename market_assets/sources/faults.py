"""What could not be read in an answer, and what its types say of how much that costs.

Not here: reading (`decoding.py`, `tolerance.py`).
"""

from __future__ import annotations

import types
from typing import Annotated, Any, Final, NamedTuple, Union, get_args, get_origin

import msgspec

from market_assets.sources.scanning import shown

UNREADABLE: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What a msgspec decoder raises for bytes that it cannot read: no JSON or of another shape, text
that is no UTF-8, nested without end. The latter two are no errors of msgspec's own."""

EXACT: Final = msgspec.Meta(extra={"is_exact": True})
"""Marks a text that identifies something: it is read to the letter or not at all."""
NEEDED: Final = msgspec.Meta(extra={"is_needed": True})
"""Marks a field that may be absent, but without which its row means something else: one that
cannot be read takes the row along."""
Int64 = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
"""A whole number that a column can hold."""

SHOWN: Final = 120
"""Characters of what came that a reason shows."""


class Naming(NamedTuple):
    """How the rows of a struct are called; its class has it as `ROW`.

    Attributes:
        word: what a row is, `market`; '' if that goes without saying.
        keys: of the wire; the first one with a text or a number names the row.
        with_place: several rows may have the same name, so their place is said too.
    """

    word: str
    keys: tuple[str, ...]
    with_place: bool = False


class Fault(NamedTuple):
    """Something in an answer that could not be read and is left out.

    Attributes:
        path: keys and positions that lead to it, from the outside.
        row: what the row that it is or belongs to is called; '' if it has no name.
        field: which value of that row; '' if it is the whole row.
        reason: why.
    """

    path: tuple[str | int, ...]
    row: str
    field: str
    reason: str

    @property
    def name(self) -> str:
        """Row and field."""
        return f"{self.row} {self.field}".strip()


class Place(NamedTuple):
    """Where in an answer something stands.

    Attributes:
        path: keys and positions that lead to it.
        row: what the row that it belongs to is called.
        depth: how much of the path leads to that row.
    """

    path: tuple[str | int, ...] = ()
    row: str = ""
    depth: int = 0

    def at(self, step: str | int) -> Place:
        """One step further, in the same row."""
        return self._replace(path=(*self.path, step))

    def fault(self, reason: object) -> Fault:
        """What stands here is left out."""
        field = ""
        for step in self.path[self.depth :]:
            field += f"[{step}]" if isinstance(step, int) else f".{step}" if field else step
        return Fault(self.path, self.row, field, str(reason))


class Unreadable:
    """Stands for a value of no particular type that cannot be read; it is equal to no other."""

    def __init__(self, text: memoryview) -> None:
        self._text = shown(text, SHOWN)

    def __str__(self) -> str:
        """The beginning of what came."""
        return self._text


class Unread(Exception):  # noqa: N818 - it is caught where something can do without the value
    """A value could not be read; the message says why."""


def bare_type(type_: Any) -> Any:
    """The type without what stands at it."""
    while get_origin(type_) is Annotated:
        type_ = get_args(type_)[0]
    return type_


def options_of(type_: Any) -> tuple[Any, ...]:
    """The types of a union, or the one type that it is."""
    bare = bare_type(type_)
    return get_args(bare) if get_origin(bare) in (Union, types.UnionType) else (bare,)


def is_marked(type_: Any, mark: str) -> bool:
    """Whether `EXACT` or `NEEDED` stands at a type, or at one of several that it may be."""
    if get_origin(type_) is Annotated:
        metas = [meta for meta in get_args(type_)[1:] if isinstance(meta, msgspec.Meta)]
        return any((meta.extra or {}).get(mark) for meta in metas) or is_marked(
            bare_type(type_), mark
        )
    options = options_of(type_)
    return len(options) > 1 and any(is_marked(option, mark) for option in options)
