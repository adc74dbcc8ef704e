"""What the info endpoint says of markets, as it comes: contexts, funding payments, order books.

As in `wire.py`, numbers are strings or numbers, what nobody here knows is ignored, and a bad field
or row costs itself and nothing else. The registry's own reading of
`metaAndAssetCtxs` is narrower and stays apart: nonsense in a funding rate must not cost a listing.

Not here: which values a market can have, and what joins what (`contexts.py`, `funding.py`,
`books.py`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final, NamedTuple

import msgspec

from market_assets.sources.faults import Int64, Naming
from market_assets.sources.hyperliquid.wire import (
    BY_COIN,
    Name,
    PerpAsset,
    SpotMeta,
    SpotPair,
    SpotToken,
    decoder,
)

if TYPE_CHECKING:
    from market_assets.sources.decoding import Rows


class PerpMarket(msgspec.Struct, rename="camel"):
    """The context of a perp; aligned with `meta.universe` by position, and without a time."""

    ROW: ClassVar = Naming("", ())

    mark_px: float | None = None
    oracle_px: float | None = None
    mid_px: float | None = None
    funding: float | None = None
    premium: float | None = None
    open_interest: float | None = None
    day_ntl_vlm: float | None = None
    day_base_vlm: float | None = None
    prev_day_px: float | None = None
    impact_pxs: tuple[float, float] | None = None


class SpotMarket(msgspec.Struct, rename="camel"):
    """The context of a spot pair; joined by `coin`, because the lists are not aligned."""

    ROW: ClassVar = BY_COIN

    coin: Name
    mark_px: float | None = None
    mid_px: float | None = None
    day_ntl_vlm: float | None = None
    day_base_vlm: float | None = None
    prev_day_px: float | None = None


class FundingPayment(msgspec.Struct, rename="camel"):
    """A row of `fundingHistory`; `time` is the hour and some jitter, in milliseconds."""

    ROW: ClassVar = Naming("", ("time",))

    coin: Name
    funding_rate: float
    time: Int64
    premium: float | None = None


class BookLevel(msgspec.Struct):
    """One price level: size of its orders in base units, and how many they are."""

    px: float
    sz: float
    n: Int64


class Book(msgspec.Struct):
    """`l2Book`: bids from the best down, asks from the best up; a side may be empty."""

    coin: Name
    time: Int64
    levels: tuple[list[BookLevel], list[BookLevel]]


class PerpMarkets(NamedTuple):
    """`metaAndAssetCtxs` of one dex.

    Attributes:
        assets: its perps.
        markets: their contexts, aligned by position.
        collateral: index of the token that prices and notionals are in; None if not given.
    """

    assets: Rows[PerpAsset]
    markets: Rows[PerpMarket]
    collateral: int | None


class SpotMarkets(NamedTuple):
    """`spotMetaAndAssetCtxs`: tokens, pairs and contexts, not aligned with each other."""

    tokens: Rows[SpotToken]
    pairs: Rows[SpotPair]
    markets: Rows[SpotMarket]


class _PerpMeta(msgspec.Struct, rename="camel"):
    universe: list[PerpAsset | None]
    collateral_token: Int64 | None = None


_perps: Final = decoder(tuple[_PerpMeta, list[PerpMarket | None]])
_spot: Final = decoder(tuple[SpotMeta, list[SpotMarket | None]])
_payments: Final = decoder(list[FundingPayment | None])
_book: Final = decoder(Book | None)


def decode_perp_markets(body: bytes) -> PerpMarkets:
    """`metaAndAssetCtxs`."""
    read = _perps.read(body)
    meta, contexts = read.value
    return PerpMarkets(
        read.rows(meta.universe, 0, "universe"), read.rows(contexts, 1), meta.collateral_token
    )


def decode_spot_markets(body: bytes) -> SpotMarkets:
    """`spotMetaAndAssetCtxs`."""
    read = _spot.read(body)
    meta, contexts = read.value
    return SpotMarkets(
        read.rows(meta.tokens, 0, "tokens"),
        read.rows(meta.universe, 0, "universe"),
        read.rows(contexts, 1),
    )


def decode_payments(body: bytes) -> Rows[FundingPayment]:
    """`fundingHistory`."""
    read = _payments.read(body)
    return read.rows(read.value)


def decode_book(body: bytes) -> Book | None:
    """`l2Book`; None is how the exchange says that there is no such coin."""
    book: Book | None = _book.read(body).value
    return book
