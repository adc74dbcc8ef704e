"""What may be asked: each parameter declared once, for reading it and for the OpenAPI document.

A value that cannot be used is an `ApiError` that names the parameter and what it may be; nothing
is guessed, clipped or ignored.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, Literal

from market_assets.api.errors import ApiError
from market_assets.clock import from_s
from market_assets.tables import HYPERLIQUID_CANDLES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

KEPT_INTERVALS: Final = tuple(
    rule.only[1] for rule in HYPERLIQUID_CANDLES.retention if rule.only is not None
)
"""Of which there are candles in the database: those that its table says how long to keep."""
_EARLIEST: Final = datetime(2000, 1, 1, tzinfo=UTC)
_LATEST: Final = datetime(2100, 1, 1, tzinfo=UTC)
_MILLISECONDS_FROM: Final = 1e11
"""A Unix time above is in milliseconds: as seconds it would be in the year 5138."""
_PLUS_AS_SPACE: Final = re.compile(r" (?=\d\d:?\d\d$)")
"""`+00:00` that nobody escaped: in a query string a plus is a space."""
_LONGEST_SHOWN: Final = 40


@dataclass(frozen=True)
class Parameter:
    """One parameter of a route.

    Attributes:
        name: as it is typed.
        doc: what it means, for people.
        schema: its JSON Schema.
        read: its value from the text; raises `ApiError`.
        default: its value where it is not given; `...`: it must be given.
        place: `query`, or `path` for a part of the address.
        example: for the document.
    """

    name: str
    doc: str
    schema: dict[str, Any]
    read: Callable[[str], object]
    default: object = None
    place: Literal["query", "path"] = "query"
    example: object = None

    @property
    def is_required(self) -> bool:
        return self.default is ...


def given(parameters: Sequence[Parameter], pairs: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """The value of every parameter, by name.

    Args:
        parameters: those of the route.
        pairs: names and texts, as the request has them.

    Raises:
        ApiError: a parameter is unknown, repeated, missing or has an unusable value.
    """
    known = {parameter.name: parameter for parameter in parameters}
    values: dict[str, Any] = {}
    for name, text in pairs:
        if name not in known:
            names = ", ".join(p.name for p in parameters if p.place == "query") or "none"
            raise ApiError(
                "unknown_parameter", f"no parameter {_shown(name)} here; there are: {names}"
            )
        if name in values:
            raise ApiError("bad_parameter", f"{name} is given twice")
        values[name] = known[name].read(text)
    for parameter in parameters:
        if parameter.name not in values:
            if parameter.is_required:
                parameter.read("")
            values[parameter.name] = parameter.default
    return values


def limit(*, default: int, most: int, of: str) -> Parameter:
    """How many rows are wanted at most."""

    def read(text: str) -> int:
        number = int(text) if re.fullmatch(r"[0-9]{1,9}", text) else 0
        if not 1 <= number <= most:
            raise ApiError("bad_limit", f"limit is {_shown(text)}; it may be 1 to {most}")
        return number

    return Parameter(
        "limit",
        f"How many {of} at most.",
        {"type": "integer", "minimum": 1, "maximum": most, "default": default},
        read,
        default,
    )


def instant(name: str, doc: str) -> Parameter:
    """An instant: RFC 3339, without an offset in UTC, or Unix seconds or milliseconds."""

    def read(text: str) -> datetime:
        try:
            found = _instant(text)
        except (ValueError, OverflowError):
            found = None
        if found is None or not _EARLIEST <= found < _LATEST:
            raise ApiError(
                "bad_instant",
                f"{name} is {_shown(text)}; write 2026-01-31T12:00:00Z or a Unix time "
                "between the years 2000 and 2100",
            )
        return found

    return Parameter(name, doc, {"type": "string"}, read, example="2026-01-31T12:00:00Z")


def interval(doc: str) -> Parameter:
    """The interval of a candle: one that is kept."""

    def read(text: str) -> str:
        if text not in KEPT_INTERVALS:
            kept = ", ".join(KEPT_INTERVALS)
            raise ApiError("bad_interval", f"interval is {_shown(text)}; kept are {kept}")
        return text

    schema = {"type": "string", "enum": list(KEPT_INTERVALS), "default": "1m"}
    return Parameter("interval", doc, schema, read, "1m")


def words(*, most: int, doc: str, example: str) -> Parameter:
    """What is searched for."""

    def read(text: str) -> str:
        found = " ".join(text.split())
        if not found or len(text) > most:
            raise ApiError(
                "bad_query", f"q has {len(text)} characters; write 1 to {most}, not only blanks"
            )
        return found

    schema = {"type": "string", "minLength": 1, "maxLength": most}
    return Parameter("q", doc, schema, read, ..., example=example)


def symbol() -> Parameter:
    """A Hyperliquid symbol as a part of the address; slashes and colons may stand as they are."""

    def read(text: str) -> str:
        if len(text) > _LONGEST_SHOWN:
            raise ApiError("unknown_symbol", f"no symbol {_shown(text)}; see /api/v1/assets")
        return text

    return Parameter(
        "symbol",
        "The exchange's own coin name: BTC, kPEPE, PURR/USDC, @107, xyz:TSLA.",
        {"type": "string"},
        read,
        ...,
        place="path",
        example="BTC",
    )


def chosen(name: str, doc: str, among: Sequence[str]) -> Parameter:
    """One of a few words, or not given."""

    def read(text: str) -> str:
        if text not in among:
            raise ApiError(
                "bad_parameter", f"{name} is {_shown(text)}; it may be {', '.join(among)}"
            )
        return text

    return Parameter(name, doc, {"type": "string", "enum": list(among)}, read)


def of_symbol(doc: str) -> Parameter:
    """A Hyperliquid symbol that restricts the answer, or not given."""

    def read(text: str) -> str:
        if not text or len(text) > _LONGEST_SHOWN:
            raise ApiError("unknown_symbol", f"no symbol {_shown(text)}; see /api/v1/assets")
        return text

    return Parameter("symbol", doc, {"type": "string"}, read, example="BTC")


def token() -> Parameter:
    """A token's id as a part of the address."""

    def read(text: str) -> str:
        if not re.fullmatch(r"[0-9]{1,90}", text):
            raise ApiError("unknown_token", f"no token {_shown(text)}; an id has digits only")
        return text

    return Parameter(
        "token_id",
        "The venue's id of the tradable token: up to 78 digits.",
        {"type": "string"},
        read,
        ...,
        place="path",
        example="65193234666628291664907888364936366910889305490897648116746073820519263548476",
    )


def _instant(text: str) -> datetime:
    try:
        number = float(text)
    except ValueError:
        read = datetime.fromisoformat(_PLUS_AS_SPACE.sub("+", text))
        return read.replace(tzinfo=UTC) if read.tzinfo is None else read.astimezone(UTC)
    return from_s(number / 1000 if number >= _MILLISECONDS_FROM else number)


def _shown(text: str) -> str:
    """The text as an error quotes it: short, and with nothing that a terminal would act on."""
    cut = text if len(text) <= _LONGEST_SHOWN else text[:_LONGEST_SHOWN] + "…"
    return ascii(cut) if not cut.isprintable() else repr(cut)
