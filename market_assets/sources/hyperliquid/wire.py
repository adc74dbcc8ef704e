"""Hyperliquid's info answers as they come: typed structs and prebuilt decoders.

Documented at https://hyperliquid.gitbook.io/hyperliquid-docs/for-developers/api/info-endpoint. What
the decoders put up with:

- numbers are strings, some with float noise (`"3495670.8399999999"`), or plain numbers: both read;
- optional fields are absent, null or given; keys that nobody here knows are ignored;
- a bad field or row costs itself and nothing else, as `decoding.py` has it.

Decoders raise one of `decoding.UNREADABLE`.

Not here: contexts, funding and books (`market_wire.py`), WebSocket frames (`messages.py`), what a
price may be (`sanity.py`), requests and errors (`client.py`), tables (`frames.py`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Final, TypeAlias

import msgspec

from market_assets.sources.decoding import Decoder
from market_assets.sources.faults import EXACT, Int64, Naming

if TYPE_CHECKING:
    from collections.abc import Mapping

    from market_assets.sources.decoding import Fault, Rows

Name = Annotated[str, EXACT]
"""What identifies a coin, a dex or a token."""
BY_NAME: Final = Naming("", ("name",))
BY_COIN: Final = Naming("", ("coin",))


class PerpDex(msgspec.Struct, rename="camel"):
    """A builder-deployed dex. The first element of `perpDexs` is null: the exchange's own."""

    ROW: ClassVar = BY_NAME

    name: Name
    full_name: str = ""


class PerpAsset(msgspec.Struct, rename="camel"):
    """A perp in `meta.universe`; its position there is its identity, so delisted ones stay."""

    ROW: ClassVar = BY_NAME

    name: Name
    sz_decimals: Int64
    max_leverage: Int64
    is_delisted: bool | None = None
    only_isolated: bool | None = None
    margin_mode: str | None = None


class PerpContext(msgspec.Struct, rename="camel"):
    """The market of a perp; aligned with `meta.universe` by position."""

    ROW: ClassVar = Naming("", ())

    day_ntl_vlm: float | None = None
    mid_px: float | None = None


class SpotToken(msgspec.Struct, rename="camel"):
    """A token. `index` identifies it, its position does not: indexes have holes."""

    ROW: ClassVar = Naming("token", ("name",))

    name: Name
    index: Int64
    sz_decimals: Int64


class SpotPair(msgspec.Struct):
    """A spot pair: `tokens` are the indexes of base and quote."""

    ROW: ClassVar = BY_NAME

    name: Name
    tokens: tuple[Int64, Int64]


class SpotContext(msgspec.Struct, rename="camel"):
    """The market of a pair; joined by `coin`: the list is longer than that of the pairs."""

    ROW: ClassVar = BY_COIN

    coin: Name
    day_ntl_vlm: float | None = None
    mid_px: float | None = None


class PerpMeta(msgspec.Struct, rename="camel"):
    """The perps of a dex, and the index of the token that it is settled in."""

    universe: list[PerpAsset | None]
    collateral_token: Int64 | None = None


class SpotMeta(msgspec.Struct):
    """Tokens and pairs."""

    tokens: list[SpotToken | None]
    universe: list[SpotPair | None]


Perps: TypeAlias = "tuple[Rows[PerpAsset], Rows[PerpContext], int | None]"
"""Assets and their markets, aligned by position; `collateralToken`, if it is there."""
Spot: TypeAlias = "tuple[Rows[SpotToken], Rows[SpotPair], Rows[SpotContext]]"
"""Tokens, pairs and markets, not aligned with each other."""


class CandleUpdate(
    msgspec.Struct,
    gc=False,  # thousands live at a time, and nothing in one can form a cycle
    rename={
        "symbol": "s",
        "interval": "i",
        "open_ms": "t",
        "open": "o",
        "high": "h",
        "low": "l",
        "close": "c",
        "volume": "v",
        "trades": "n",
    },
):
    """One candle, from a frame or a row of `candleSnapshot`: `[open_ms, open_ms + interval)`.

    Prices in quote units, volume in base units. Nothing says whether it is over.
    """

    ROW: ClassVar = Naming("", ("t",))

    symbol: Name
    interval: Name
    open_ms: int
    open: float
    high: float
    low: float
    close: float
    volume: float
    trades: int


def decoder(type_: Any) -> Decoder[Any]:
    """A decoder that also reads numbers out of strings, in C: `"0.5"` → 0.5."""
    return Decoder(type_, strict=False)


_mids: Final = decoder(dict[str, float])
_candles: Final = decoder(list[CandleUpdate | None])
_dexs: Final = decoder(list[PerpDex | None])
_perps: Final = decoder(tuple[PerpMeta, list[PerpContext | None]])
_spot: Final = decoder(tuple[SpotMeta, list[SpotContext | None]])
_categories: Final = decoder(list[tuple[Name, Name] | None])


def decode_mids(body: bytes) -> tuple[dict[str, float], dict[str, str]]:
    """`allMids`: the mids, and those that are no numbers with the reason."""
    read = _mids.read(body)
    return read.value, by_coin(read.faults)


def decode_candles(body: bytes) -> Rows[CandleUpdate]:
    """`candleSnapshot`."""
    read = _candles.read(body)
    return read.rows(read.value)


def decode_dexs(body: bytes) -> Rows[PerpDex]:
    """`perpDexs`; a null stands for the exchange's own dex."""
    read = _dexs.read(body)
    return read.rows(read.value, may_be_null=True)


def decode_perps(body: bytes) -> Perps:
    """`metaAndAssetCtxs`."""
    read = _perps.read(body)
    meta, contexts = read.value
    return read.rows(meta.universe, 0, "universe"), read.rows(contexts, 1), meta.collateral_token


def decode_spot(body: bytes) -> Spot:
    """`spotMetaAndAssetCtxs`: tokens, pairs and markets, not aligned with each other."""
    read = _spot.read(body)
    meta, contexts = read.value
    return (
        read.rows(meta.tokens, 0, "tokens"),
        read.rows(meta.universe, 0, "universe"),
        read.rows(contexts, 1),
    )


def decode_categories(body: bytes) -> Rows[tuple[str, str]]:
    """`perpCategories`: coin and category, the latter in the deployer's own words."""
    read = _categories.read(body)
    return read.rows(read.value)


def by_coin(faults: list[Fault]) -> dict[str, str]:
    """The faults of a map of coins, by coin, with the reason."""
    return {str(fault.path[-1]): fault.reason for fault in faults}


def named(
    faults: list[Fault], where: str, names: Mapping[int, str] | None = None
) -> dict[str, str]:
    """The faults of a list with the reason, by row and field.

    Args:
        faults: of a `Rows`.
        where: stands before the position of a row that has no name: `xyz[3]`.
        names: of rows that do not have one of their own, by position.
    """
    found = {}
    for fault in faults:
        position = int(fault.path[0])
        row = (names or {}).get(position) or fault.row or f"{where}[{position}]"
        found[f"{row} {fault.field}".rstrip()] = fault.reason
    return found


def names_of(assets: Rows[PerpAsset]) -> dict[int, str]:
    """The names of a dex's perps by position, which is how contexts are theirs."""
    return {position: asset.name for position, asset in enumerate(assets.items) if asset}
