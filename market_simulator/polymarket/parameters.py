"""Query parameters as Gamma and the Data API read them, and the errors where they cannot."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import msgspec

from market_simulator.clock import to_ms
from market_simulator.refused import Refused

if TYPE_CHECKING:
    from market_simulator.rest import Asked


def invalid(text: str) -> Refused:
    """How Gamma refuses a parameter."""
    return _refusal(422, {"type": "validation error", "error": text})


def not_found(what: str) -> Refused:
    """How Gamma says that there is no such object."""
    return _refusal(404, {"type": "not found error", "error": f"{what} not found"})


def bad(text: str, status: int = 400) -> Refused:
    """How the Data API and the CLOB refuse a request."""
    return _refusal(status, {"error": text})


def whole(asked: Asked, name: str, default: int, *, least: int = 0) -> int:
    """A whole number; the default where it was left out.

    Raises:
        Refused: it is none, or below the least.
    """
    text = asked.one(name)
    if not text:
        return default
    try:
        number = int(text)
    except ValueError:
        raise invalid(f"{name} must be an integer") from None
    if number < least:
        raise invalid(f"{name} must be at least {least}")
    return number


def number(asked: Asked, name: str) -> float | None:
    """A number; None where it was left out.

    Raises:
        Refused: it is none.
    """
    text = asked.one(name)
    try:
        return float(text) if text else None
    except ValueError:
        raise invalid(f"{name} must be a number") from None


def flag(asked: Asked, name: str) -> bool | None:
    """`true` or `false`; None where it was left out.

    Raises:
        Refused: it is neither.
    """
    text = asked.one(name).lower()
    if text in ("true", "false"):
        return text == "true"
    if text:
        raise invalid(f"{name} must be a boolean")
    return None


def closed(asked: Asked, *, default: bool | None, any_needs_name: bool) -> bool | None:
    """`closed`: `any` beats the others, and `false` beats `true`, where it is sent twice.

    Left out it is `default`, where None means both. `any` is refused where it needs an identifier
    beside it and there is none.

    Raises:
        Refused: it is none of these, or `any` where a name is needed.
    """
    values = {value.lower() for value in asked.query.get("closed", ()) if value}
    if not values:
        return default
    if values - {"any", "true", "false"}:
        raise invalid("closed must be a boolean or any")
    if "any" in values:
        if any_needs_name:
            raise invalid("closed=any requires an identifier filter")
        return None
    return "false" not in values


def instant_ms(asked: Asked, name: str) -> int | None:
    """An RFC 3339 instant, or a date; None where it was left out.

    Raises:
        Refused: it is neither.
    """
    text = asked.one(name)
    if not text:
        return None
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        raise invalid(f"{name} must be a date") from None
    return to_ms(instant if instant.tzinfo else instant.replace(tzinfo=UTC))


def _refusal(status: int, body: dict[str, str]) -> Refused:
    return Refused(status, msgspec.json.encode(body).decode())
