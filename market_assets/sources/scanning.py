"""JSON text that breaks the grammar in places: where its pieces begin and end, what a text says.

Only brackets, commas and quotes are looked at, so that whatever is wrong with one piece stays in
it. Where brackets do not match, several readings are tried, and the first counts by which the whole
does: that one is missing, that one is too many, that a quote belongs to the text it stands in.

Not here: what a piece may be (`decoding.py`).
"""

from __future__ import annotations

import re
from itertools import product
from typing import TYPE_CHECKING, Final

import msgspec

from market_assets.sources.bodies import Body

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

Text = Body | memoryview
"""JSON, or a part of some."""

_STRING: Final = rb'"(?:[^"\\]++|\\.)*+"'
_LOOSE_STRING: Final = rb'"(?:[^"\\]++|\\.|"(?!\s*+(?:[,:\]}]|\Z)))*+"'
"""A text with quotes in it: only one that a comma, a colon or a closing bracket follows ends it."""
_TOKENS: Final = re.compile(_STRING + rb'|[][{},"]', re.DOTALL)
_LOOSE_TOKENS: Final = re.compile(_LOOSE_STRING + rb'|[][{},"]', re.DOTALL)
_SIGNS: Final = re.compile(rb"[][{},]")
_MEMBER: Final = re.compile(rb"\s*+(" + _LOOSE_STRING + rb")\s*+:", re.DOTALL)
_BARE: Final = re.compile(rb'[^\s"\[\]{},:]+')
_BLANK: Final = re.compile(rb"\s*+")
_ESCAPE: Final = re.compile(
    r"\\(?:u([dD][89abAB][0-9a-fA-F]{2})\\u([dD][c-fC-F][0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|(.)|\Z)",
    re.DOTALL,
)
_SIMPLE: Final = {
    '"': '"',
    "\\": "\\",
    "/": "/",
    "b": "\b",
    "f": "\f",
    "n": "\n",
    "r": "\r",
    "t": "\t",
}
_CLOSERS: Final = {ord("["): ord("]"), ord("{"): ord("}")}
_COMMA: Final = ord(",")
_QUOTE: Final = ord('"')
_CUT: Final = "it ends in the middle"
_MARK: Final = b"\xef\xbb\xbf"
LOST: Final = "\N{REPLACEMENT CHARACTER}"
"""What stands for a character that cannot be read."""


class CutError(msgspec.DecodeError):
    """The text ends before what it began does."""


class BracketsError(msgspec.ValidationError):
    """The text ends, but nobody can tell where its pieces do."""


def trimmed(text: Text) -> memoryview:
    """The text without blanks around it, and without a byte order mark."""
    view = memoryview(text)
    start = len(_MARK) if bytes(view[: len(_MARK)]) == _MARK else 0
    match = _BLANK.match(view, start)
    start, stop = match.end() if match else start, len(view)
    while stop > start and view[stop - 1] in b" \t\r\n":
        stop -= 1
    return view[start:stop]


def pieces(text: memoryview) -> list[memoryview]:
    """What stands between the commas of a list or an object, whatever it is.

    An empty piece counts: something is missing there.

    Args:
        text: begins with the opening bracket, and ends where the list or object does.

    Raises:
        CutError: it ends before that, and what there is of it is in order.
        BracketsError: something follows it, or nobody can tell where it ends.
    """
    first: msgspec.DecodeError | None = None
    for tokens, is_one_too_many in product((_TOKENS, _LOOSE_TOKENS), (False, True)):
        try:
            return _pieces(text, _signs(text, tokens), is_one_too_many=is_one_too_many)
        except (CutError, BracketsError) as error:
            first = first or error
    raise first or CutError(_CUT)


def _pieces(text: memoryview, signs: Iterable[int], *, is_one_too_many: bool) -> list[memoryview]:
    closer = _CLOSERS[text[0]]
    due = bytearray()  # the closing brackets of what is open within the piece
    found: list[tuple[int, int]] = []
    begin, is_bent = 1, False
    for at in signs:
        sign = text[at]
        if sign in _CLOSERS:
            due.append(_CLOSERS[sign])
        elif sign == _COMMA:
            if not due:
                found.append((begin, at))
                begin = at + 1
        elif due and sign == due[-1]:
            due.pop()
        elif sign == closer and (not due or not trimmed(text[at + 1 :])):
            return _closed(found, text, begin, at)
        else:
            is_bent = True
            if not due:
                begin = _reopened(found, text, begin)
            place = -1 if is_one_too_many else due.rfind(sign)
            if place >= 0:
                del due[place:]
    raise BracketsError("its brackets do not match") if is_bent else CutError(_CUT)


def member(piece: memoryview) -> tuple[str | None, memoryview | None]:
    """Key and value of a piece of an object.

    The key is None if it cannot be read exactly, the value if this is not one key and one value.
    """
    match = _MEMBER.match(piece)
    if match is None:
        return None, None
    value = trimmed(piece[match.end() :])
    try:
        key: str | None = msgspec.json.decode(match.group(1), type=str)
    except (msgspec.DecodeError, UnicodeDecodeError):
        key = None
    return key, value if _is_one(value) else None


def is_string(text: memoryview) -> bool:
    """Whether this is one text in quotes and nothing else."""
    match = _LOOSE_TOKENS.match(text)
    return match is not None and len(text) > 1 and text[0] == _QUOTE and match.end() == len(text)


def mended(string: Text) -> str:
    """What a text in quotes says, with `LOST` for what cannot be read of it."""
    inner = bytes(string)[1:-1].decode("utf-8", "replace")
    return _ESCAPE.sub(_character, inner) if "\\" in inner else inner


def shown(text: Text, length: int) -> str:
    """The beginning of a text, on one line, for people."""
    line = " ".join(bytes(text[: 4 * length]).decode("utf-8", "replace").split())
    return "".join(char if char.isprintable() else LOST for char in line[:length])


def _character(escape: re.Match[str]) -> str:
    high, low, single, letter = escape.groups()
    if high:
        return chr(0x10000 + ((int(high, 16) & 0x3FF) << 10) + (int(low, 16) & 0x3FF))
    if single:
        character = chr(int(single, 16))
        return LOST if "\ud800" <= character <= "\udfff" else character
    return _SIMPLE.get(letter or "", LOST + (letter or ""))


def _signs(text: memoryview, tokens: re.Pattern[bytes]) -> Iterator[int]:
    """Where brackets and commas stand outside of texts, behind the first character."""
    for token in tokens.finditer(text, 1):
        at = token.start()
        if text[at] != _QUOTE:
            yield at
        elif token.end() == at + 1:  # a text without an end: no later one can have one either
            yield from (sign.start() for sign in _SIGNS.finditer(text, at + 1))
            return


def _is_one(text: memoryview) -> bool:
    """Whether this is one value as far as its ends tell."""
    if text and text[0] in _CLOSERS:
        return text[-1] == _CLOSERS[text[0]]
    return is_string(text) or _BARE.fullmatch(text) is not None


def _reopened(found: list[tuple[int, int]], text: memoryview, begin: int) -> int:
    """Where a piece begins whose opening bracket is missing: behind the last piece that has one."""
    while found and (trimmed(text[slice(*found[-1])])[:1].tobytes() or b" ")[0] not in _CLOSERS:
        begin, _ = found.pop()
    return begin


def _closed(
    found: list[tuple[int, int]], text: memoryview, begin: int, at: int
) -> list[memoryview]:
    if trimmed(text[at + 1 :]):
        raise BracketsError("something follows where it ends")
    parts = [trimmed(text[start:stop]) for start, stop in [*found, (begin, at)]]
    return parts if len(parts) > 1 or parts[0] else []
