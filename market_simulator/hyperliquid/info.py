"""`POST /info`: reads requests as the exchange does, and says what they weigh.

The answers themselves come from the market. Times below zero, missing fields and wrong JSON types
are refused with 422, before anything is looked up.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import msgspec

from market_simulator.hyperliquid.bars import INTERVALS
from market_simulator.hyperliquid.market import Query, null_500
from market_simulator.refused import Refused

_FINEST: Final = 5
_BROKEN_MANTISSA: Final = 1  # as reported of the exchange


@dataclass(frozen=True)
class InfoType:
    """What a request of a type must and may hold, and what it weighs.

    Attributes:
        fields: names among `coin`, `dex`, `start`, `end`, `interval`, `book`; `!` marks required.
        weight: weight of the request itself.
        rows_per_weight: rows of the answer that add one more; 0: none do.
        nested: whether the fields stand in an object `req`.
    """

    fields: tuple[str, ...] = ()
    weight: int = 20
    rows_per_weight: int = 0
    nested: bool = False


TYPES: Final[dict[str, InfoType]] = {
    "meta": InfoType(("dex",)),
    "metaAndAssetCtxs": InfoType(("dex",)),
    "spotMeta": InfoType(),
    "spotMetaAndAssetCtxs": InfoType(),
    "allMids": InfoType(("dex",), weight=2),
    "candleSnapshot": InfoType(
        ("coin!", "interval!", "start!", "end"), rows_per_weight=60, nested=True
    ),
    "fundingHistory": InfoType(("coin!", "start!", "end"), rows_per_weight=20),
    "predictedFundings": InfoType(),
    "l2Book": InfoType(("coin!", "book"), weight=2),
    "recentTrades": InfoType(("coin!",), rows_per_weight=20),
    "perpDexs": InfoType(),
    "allPerpMetas": InfoType(),
    "perpCategories": InfoType(),
    "perpAnnotation": InfoType(("coin!",)),
    "perpConciseAnnotations": InfoType(),
    "perpDexLimits": InfoType(("dex!",)),
    "perpDexStatus": InfoType(("dex!",)),
    "perpsAtOpenInterestCap": InfoType(("dex",)),
    "exchangeStatus": InfoType(weight=2),
}
"""Every request type that this venue answers."""


def weight_of_rows(query: Query, body: object) -> int:
    """What the rows of an answer weigh, on top of the request."""
    per = TYPES[query.type].rows_per_weight
    return len(body) // per if per and isinstance(body, list) else 0


def decoded(body: bytes, content_type: str) -> Any:
    """The request's JSON.

    Raises:
        Refused: it is not JSON, or does not say that it is.
    """
    if not content_type.startswith("application/json"):
        text = "Expected request with `Content-Type: application/json`"
        raise Refused(415, text, "text/plain")
    try:
        return msgspec.json.decode(body)
    except msgspec.DecodeError:
        raise Refused(400, "Failed to parse the request body as JSON", "text/plain") from None


def parsed(request: Any) -> Query:
    """A request with its fields checked.

    Raises:
        Refused: unknown type, a missing field, a value of the wrong type.
    """
    if not isinstance(request, dict) or request.get("type") not in TYPES:
        raise _unfit()
    kind = TYPES[request["type"]]
    values = request.get("req") if kind.nested else request
    if not isinstance(values, dict):
        raise _unfit()
    found: dict[str, Any] = {}
    for name in kind.fields:
        found |= _read(values, name)
    return Query(type=request["type"], **found)


def _unfit() -> Refused:
    text = "Failed to deserialize the JSON body into the target type"
    return Refused(422, text, "text/plain")


def _text(values: dict[str, Any], name: str, *, required: bool) -> str:
    value = values.get(name)
    if value is None and not required:
        return ""
    if not isinstance(value, str):
        raise _unfit()
    return value


def _time(values: dict[str, Any], name: str, *, required: bool) -> int | None:
    value = values.get(name)
    if value is None and not required:
        return None
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 2**63:
        raise _unfit()
    return value


def _interval(values: dict[str, Any]) -> dict[str, Any]:
    interval = _text(values, "interval", required=True)
    if interval not in INTERVALS:
        raise _unfit()
    return {"interval": interval}


def _book(values: dict[str, Any]) -> dict[str, Any]:
    figures, mantissa = values.get("nSigFigs"), values.get("mantissa")
    if figures not in (None, 2, 3, 4, 5) or mantissa not in (None, 1, 2, 5):
        raise _unfit()
    if mantissa is not None and (figures != _FINEST or mantissa == _BROKEN_MANTISSA):
        raise null_500()
    return {"figures": figures, "mantissa": mantissa}


def _read(values: dict[str, Any], field: str) -> dict[str, Any]:
    """The arguments of `Query` that one of `InfoType.fields` stands for."""
    required, name = field.endswith("!"), field.rstrip("!")
    if name in ("coin", "dex"):
        return {name: _text(values, name, required=required)}
    if name in ("start", "end"):
        return {f"{name}_ms": _time(values, f"{name}Time", required=required)}
    return _interval(values) if name == "interval" else _book(values)
