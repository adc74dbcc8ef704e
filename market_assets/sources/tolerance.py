"""Reading a value of a type piece by piece, where it cannot be read in one go.

What may be left out and what takes along what holds it: see `decoding.py`, whose half this is. For
each type there is a reader that is made once, out of the type itself.
"""

from __future__ import annotations

import types
from functools import cache
from typing import Any, Final, NamedTuple, Union, get_args, get_origin

import msgspec

from market_assets.sources.faults import (
    SHOWN,
    UNREADABLE,
    Fault,
    Naming,
    Place,
    Unread,
    Unreadable,
    bare_type,
    is_marked,
    options_of,
)
from market_assets.sources.parts import BRACE, BRACKET, elements, fields, members, opened, reason_of
from market_assets.sources.scanning import is_string, mended, shown

_LONGEST_NAME: Final = 100
_DEEPEST: Final = 50
"""Levels of lists and objects in a value of no particular type."""


class Reader:
    """Reads values of one type; this one those without pieces: texts, numbers, flags."""

    def __init__(self, type_: Any, *, strict: bool) -> None:
        self.decode = msgspec.json.Decoder(type_, strict=strict).decode
        self.is_exact = is_marked(type_, "is_exact")

    def value(self, text: memoryview, place: Place, faults: list[Fault]) -> Any:
        """The value, in one go where that works.

        Args:
            text: it and nothing else.
            place: where it stands.
            faults: told of what is left out of it.

        Raises:
            Unread: it cannot be read.
        """
        try:
            return self.decode(text)
        except UNREADABLE as error:
            return self.pieced(text, place, faults, error)

    def pieced(self, text: memoryview, place: Place, faults: list[Fault], error: Exception) -> Any:
        """The value piece by piece, `error` being why it could not be read in one go.

        Raises:
            Unread: it cannot be read.
        """
        del place, faults
        if not self.is_exact and is_string(text):
            try:
                return self.decode(msgspec.json.encode(mended(text)))
            except UNREADABLE:
                pass
        raise Unread(reason_of(error, text)) from error


class _Anything(Reader):
    """A value of no particular type: what cannot be read of it becomes `Unreadable`."""

    def pieced(self, text: memoryview, place: Place, faults: list[Fault], error: Exception) -> Any:
        del place, faults, error
        try:
            return self._tree(text, _DEEPEST)
        except Unread:
            return Unreadable(text)

    def _tree(self, text: memoryview, levels: int) -> Any:
        try:
            return self.decode(text)
        except UNREADABLE:
            pass
        if not levels:
            raise Unread("nested without end")
        if text and text[0] == BRACKET:
            return [self._tree(piece, levels - 1) for piece in elements(text)]
        if text and text[0] == BRACE:
            given = fields(text)
            if None in given:
                raise Unread("a key that cannot be read")
            return {key: self._tree(piece, levels - 1) for key, piece in given.items()}
        return Unreadable(text) if self.is_exact or not is_string(text) else mended(text)


class _List(Reader):
    """A list: of elements that may be None a bad one becomes it."""

    def __init__(self, type_: Any, element: Any, *, strict: bool) -> None:
        super().__init__(type_, strict=strict)
        options = options_of(element)
        self._element = reader_of(element, strict=strict)
        self._can_do_without = type(None) in options
        readers = [reader_of(option, strict=strict) for option in options]
        self._row = next((one for one in readers if isinstance(one, _Struct) and one.naming), None)

    def pieced(self, text: memoryview, place: Place, faults: list[Fault], error: Exception) -> Any:
        found: list[Any] = []
        for position, piece in enumerate(elements(opened(text, BRACKET, error))):
            try:
                found.append(self._element.decode(piece))
                continue
            except UNREADABLE as in_one_go:
                why = in_one_go
            here, before = self._place(place, position, piece), len(faults)
            try:
                found.append(self._element.pieced(piece, here, faults, why))
            except Unread as unread:
                if not self._can_do_without:
                    raise Unread(f"[{position}]: {unread}") from unread
                faults[before:] = [here.fault(unread)]
                found.append(None)
        return found

    def _place(self, place: Place, position: int, piece: memoryview) -> Place:
        inner = place.at(position)
        if self._row is None:
            return inner
        return Place(inner.path, self._row.called(piece, position, place.row), len(inner.path))


class _Tuple(Reader):
    """A list of so many elements, none of which can be missing."""

    def __init__(self, type_: Any, elements: tuple[Any, ...], *, strict: bool) -> None:
        super().__init__(type_, strict=strict)
        self._elements = [reader_of(element, strict=strict) for element in elements]

    def pieced(self, text: memoryview, place: Place, faults: list[Fault], error: Exception) -> Any:
        found = elements(opened(text, BRACKET, error))
        if len(found) != len(self._elements):
            raise Unread(reason_of(error, text)) from error
        return tuple(
            reader.value(piece, place.at(position), faults)
            for position, (reader, piece) in enumerate(zip(self._elements, found, strict=True))
        )


class _Map(Reader):
    """A map: a bad entry is left out."""

    def __init__(self, type_: Any, value: Any, *, strict: bool) -> None:
        super().__init__(type_, strict=strict)
        self._value = reader_of(value, strict=strict)

    def pieced(self, text: memoryview, place: Place, faults: list[Fault], error: Exception) -> Any:
        found = {}
        for key, piece in members(opened(text, BRACE, error)):
            if key is None or piece is None:
                said = shown(piece or b"", SHOWN)
                faults.append(place.at(key or "").fault(f"not one key and one value: {said}"))
                continue
            before = len(faults)
            try:
                found[key] = self._value.value(piece, place.at(key), faults)
            except Unread as unread:
                faults[before:] = [place.at(key).fault(unread)]
        return found


class _Field(NamedTuple):
    reader: Reader
    attribute: str
    is_required: bool
    is_needed: bool


class _Struct(Reader):
    """A struct: a bad field gets its default if it has one."""

    def __init__(self, type_: Any, made: type[msgspec.Struct], *, strict: bool) -> None:
        super().__init__(type_, strict=strict)
        self.made = made
        self.naming: Naming | None = getattr(made, "ROW", None)
        self._fields = {
            info.encode_name: _Field(
                reader_of(info.type, strict=strict),
                info.name,
                info.required,
                info.required or is_marked(info.type, "is_needed"),
            )
            for info in msgspec.structs.fields(made)
        }

    def pieced(self, text: memoryview, place: Place, faults: list[Fault], error: Exception) -> Any:
        given = fields(opened(text, BRACE, error))
        values: dict[str, Any] = {}
        for key, field in self._fields.items():
            piece = given.get(key)
            if piece is None:
                if field.is_required:
                    raise Unread(f"Object missing required field `{key}`") from error
                continue
            before = len(faults)
            try:
                values[field.attribute] = field.reader.value(piece, place.at(key), faults)
            except Unread as unread:
                if field.is_needed:
                    raise Unread(f"{key}: {unread}") from unread
                faults[before:] = [place.at(key).fault(unread)]
        return self.made(**values)

    def called(self, piece: memoryview, position: int, around: str) -> str:
        """What a row is called that cannot be read in one go.

        Args:
            piece: the row.
            position: where it stands in its list.
            around: the row that the list belongs to.
        """
        naming = self.naming or Naming("", ())
        try:
            given = dict(members(piece)) if piece and piece[0] == BRACE else {}
        except Unread:
            given = {}
        name = ""
        for key in naming.keys:
            value = given.get(key)
            if value is None or key not in self._fields:
                continue
            try:
                said = self._fields[key].reader.decode(value)
            except UNREADABLE:
                continue
            if isinstance(said, str | int):
                name = name or str(said)[:_LONGEST_NAME]
        if not naming.word:
            return name
        place = f"[{position} of {around}]" if around else f"[{position}]"
        is_placed = naming.with_place or not name
        return " ".join(filter(None, (naming.word, place if is_placed else "", name)))


class _Either(Reader):
    """One of several types, told apart by how a value begins, or by a tag."""

    def __init__(self, type_: Any, options: tuple[Any, ...], *, strict: bool) -> None:
        super().__init__(type_, strict=strict)
        readers = [reader_of(option, strict=strict) for option in options]
        self._scalar = Reader(type_, strict=strict)
        self._list = next((one for one in readers if isinstance(one, _List | _Tuple)), None)
        structs = [one for one in readers if isinstance(one, _Struct)]
        maps = [one for one in readers if isinstance(one, _Map)]
        self._object: Reader | None = next(iter([*structs, *maps]), None)
        self._tagged = {
            (config.tag_field, config.tag): one
            for one in structs
            if (config := one.made.__struct_config__).tag is not None
        }

    def pieced(self, text: memoryview, place: Place, faults: list[Fault], error: Exception) -> Any:
        reader: Reader | None = self._scalar
        if text and text[0] == BRACKET:
            reader = self._list
        elif text and text[0] == BRACE:
            reader = self._by_tag(text) if self._tagged else self._object
        if reader is None:
            raise Unread(reason_of(error, text)) from error
        return reader.pieced(text, place, faults, error)

    def _by_tag(self, text: memoryview) -> Reader | None:
        said = [(key, mended(piece)) for key, piece in fields(text).items() if is_string(piece)]
        return next((self._tagged[tag] for tag in said if tag in self._tagged), None)


@cache
def reader_of(type_: Any, *, strict: bool) -> Reader:
    """The reader of a type."""
    bare = bare_type(type_)
    origin, arguments = get_origin(bare), get_args(bare)
    if bare is Any:
        return _Anything(type_, strict=strict)
    if isinstance(bare, type) and issubclass(bare, msgspec.Struct):
        return _Struct(type_, bare, strict=strict)
    if origin in (Union, types.UnionType):
        return _Either(type_, arguments, strict=strict)
    made: Reader = Reader(type_, strict=strict)
    if origin is list:
        made = _List(type_, arguments[0], strict=strict)
    elif origin is tuple:
        made = _Tuple(type_, arguments, strict=strict)
    elif origin is dict:
        made = _Map(type_, arguments[1], strict=strict)
    return made
