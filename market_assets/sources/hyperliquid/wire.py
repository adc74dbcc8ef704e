"""Hyperliquid's info answers as they come: typed structs and prebuilt decoders.

Documented at https://hyperliquid.gitbook.io/hyperliquid-docs/for-developers/api/info-endpoint. What
the decoders put up with:

- numbers are strings, some with float noise (`"3495670.8399999999"`), or plain numbers: both read;
- optional fields are absent, null or given; keys that nobody here knows are ignored;
- a list is decoded row by row where one bad row must not cost the others.

Decoders raise one of `decoding.UNREADABLE`.

Not here: contexts, funding and books (`market_wire.py`), WebSocket frames (`messages.py`), what a
price may be (`sanity.py`), requests and errors (`client.py`), tables (`frames.py`).
"""

from __future__ import annotations

from typing import Any, Final, Generic, NamedTuple, TypeVar

import msgspec

from market_assets.sources.decoding import UNREADABLE

_T = TypeVar("_T")


class Rows(NamedTuple, Generic[_T]):
    """A list decoded row by row.

    Attributes:
        items: as long as the list; None where the row could not be decoded.
        faults: (position, reason) of those rows.
    """

    items: list[_T | None]
    faults: list[tuple[int, str]]


class PerpDex(msgspec.Struct, rename="camel"):
    """A builder-deployed dex. The first element of `perpDexs` is null: the exchange's own."""

    name: str
    full_name: str = ""


class PerpAsset(msgspec.Struct, rename="camel"):
    """A perp in `meta.universe`; its position there is its identity, so delisted ones stay."""

    name: str
    sz_decimals: int
    max_leverage: int
    is_delisted: bool | None = None
    only_isolated: bool | None = None
    margin_mode: str | None = None


class PerpContext(msgspec.Struct, rename="camel"):
    """The market of a perp; aligned with `meta.universe` by position."""

    day_ntl_vlm: float | None = None
    mid_px: float | None = None


class SpotToken(msgspec.Struct, rename="camel"):
    """A token. `index` identifies it, its position does not: indexes have holes."""

    name: str
    index: int
    sz_decimals: int


class SpotPair(msgspec.Struct):
    """A spot pair: `tokens` are the indexes of base and quote."""

    name: str
    tokens: tuple[int, int]


class SpotContext(msgspec.Struct, rename="camel"):
    """The market of a pair; joined by `coin`: the list is longer than that of the pairs."""

    coin: str
    day_ntl_vlm: float | None = None
    mid_px: float | None = None


class _PerpMeta(msgspec.Struct):
    universe: list[msgspec.Raw]


class _SpotMeta(msgspec.Struct):
    tokens: list[msgspec.Raw]
    universe: list[msgspec.Raw]


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

    symbol: str
    interval: str
    open_ms: int
    open: float
    high: float
    low: float
    close: float
    volume: float
    trades: int


def decoder(type_: Any) -> msgspec.json.Decoder[Any]:
    """A decoder that also reads numbers out of strings, in C: `"0.5"` → 0.5."""
    return msgspec.json.Decoder(type_, strict=False)


_number: Final = decoder(float)
_raw_list: Final = decoder(list[msgspec.Raw])
_raw_map: Final = decoder(dict[str, msgspec.Raw])
_candles: Final = decoder(list[CandleUpdate])
_candle: Final = decoder(CandleUpdate)
_perp_dex: Final = decoder(PerpDex)
_perp_meta: Final = decoder(_PerpMeta)
_perp_asset: Final = decoder(PerpAsset)
_perp_context: Final = decoder(PerpContext)
_spot_meta: Final = decoder(_SpotMeta)
_spot_token: Final = decoder(SpotToken)
_spot_pair: Final = decoder(SpotPair)
_spot_context: Final = decoder(SpotContext)
_pair_of_raw: Final = decoder(tuple[msgspec.Raw, msgspec.Raw])
_category: Final = decoder(tuple[str, str])


def decode_mids(body: bytes) -> tuple[dict[str, float], dict[str, str]]:
    """`allMids`: the mids, and those that are no numbers with the reason."""
    return read_numbers(_raw_map.decode(body))


def decode_candles(body: bytes) -> Rows[CandleUpdate]:
    """`candleSnapshot`."""
    try:
        return Rows(_candles.decode(body), [])
    except UNREADABLE:
        return read_rows(_raw_list.decode(body), _candle)


def decode_dexs(body: bytes) -> Rows[PerpDex]:
    """`perpDexs`, without the null that stands for the exchange's own dex."""
    return read_rows([raw for raw in _raw_list.decode(body) if bytes(raw) != b"null"], _perp_dex)


def decode_perps(body: bytes) -> tuple[Rows[PerpAsset], Rows[PerpContext]]:
    """`metaAndAssetCtxs`: assets and their markets, aligned by position."""
    meta, contexts = _pair_of_raw.decode(body)
    return (
        read_rows(_perp_meta.decode(meta).universe, _perp_asset),
        read_rows(_raw_list.decode(contexts), _perp_context),
    )


def decode_perp_meta(body: bytes) -> Rows[PerpAsset]:
    """`meta`: the same without the markets."""
    return read_rows(_perp_meta.decode(body).universe, _perp_asset)


def decode_spot(body: bytes) -> tuple[Rows[SpotToken], Rows[SpotPair], Rows[SpotContext]]:
    """`spotMetaAndAssetCtxs`: tokens, pairs and markets, not aligned with each other."""
    meta, contexts = _pair_of_raw.decode(body)
    return (*decode_spot_meta(meta), read_rows(_raw_list.decode(contexts), _spot_context))


def decode_spot_meta(body: bytes) -> tuple[Rows[SpotToken], Rows[SpotPair]]:
    """`spotMeta`: tokens and pairs."""
    meta = _spot_meta.decode(body)
    return read_rows(meta.tokens, _spot_token), read_rows(meta.universe, _spot_pair)


def decode_categories(body: bytes) -> Rows[tuple[str, str]]:
    """`perpCategories`: coin and category, the latter in the deployer's own words."""
    return read_rows(_raw_list.decode(body), _category)


def read_rows(raws: list[msgspec.Raw], row: msgspec.json.Decoder[Any]) -> Rows[Any]:
    """The rows one by one: a bad one costs only itself."""
    items: list[Any] = []
    faults = []
    for position, raw in enumerate(raws):
        try:
            items.append(row.decode(raw))
        except UNREADABLE as error:
            items.append(None)
            faults.append((position, f"{error}: {bytes(raw)[:120].decode('utf-8', 'replace')}"))
    return Rows(items, faults)


def read_numbers(raws: dict[str, msgspec.Raw]) -> tuple[dict[str, float], dict[str, str]]:
    """The values that are numbers, and the others with the reason."""
    numbers, faults = {}, {}
    for coin, raw in raws.items():
        try:
            numbers[coin] = _number.decode(raw)
        except UNREADABLE as error:
            faults[coin] = f"{error}: {bytes(raw)[:60].decode('utf-8', 'replace')}"
    return numbers, faults
