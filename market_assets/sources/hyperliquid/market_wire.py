"""What the info endpoint says of markets, as it comes: contexts, funding payments, order books.

As in `wire.py`, numbers are strings or numbers, what nobody here knows is ignored, and a list is
decoded row by row where one bad row must not cost the others. The registry's own reading of
`metaAndAssetCtxs` is narrower and stays apart: nonsense in a funding rate must not cost a listing.

Not here: which values a market can have, and what joins what (`contexts.py`, `funding.py`,
`books.py`).
"""

from __future__ import annotations

from typing import Final, NamedTuple

import msgspec

from market_assets.sources.hyperliquid.wire import (
    PerpAsset,
    Rows,
    SpotPair,
    SpotToken,
    decode_spot_meta,
    decoder,
    read_rows,
)


class PerpMarket(msgspec.Struct, rename="camel"):
    """The context of a perp; aligned with `meta.universe` by position, and without a time."""

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

    coin: str
    mark_px: float | None = None
    mid_px: float | None = None
    day_ntl_vlm: float | None = None
    day_base_vlm: float | None = None
    prev_day_px: float | None = None


class FundingPayment(msgspec.Struct, rename="camel"):
    """A row of `fundingHistory`; `time` is the hour and some jitter, in milliseconds."""

    coin: str
    funding_rate: float
    time: int
    premium: float | None = None


class BookLevel(msgspec.Struct):
    """One price level: size of its orders in base units, and how many they are."""

    px: float
    sz: float
    n: int


class Book(msgspec.Struct):
    """`l2Book`: bids from the best down, asks from the best up; a side may be empty."""

    coin: str
    time: int
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
    universe: list[msgspec.Raw]
    collateral_token: int | None = None


_pair_of_raw: Final = decoder(tuple[msgspec.Raw, msgspec.Raw])
_raw_list: Final = decoder(list[msgspec.Raw])
_perp_meta: Final = decoder(_PerpMeta)
_perp_asset: Final = decoder(PerpAsset)
_perp_market: Final = decoder(PerpMarket)
_spot_market: Final = decoder(SpotMarket)
_payment: Final = decoder(FundingPayment)
_book: Final = decoder(Book | None)


def decode_perp_markets(body: bytes) -> PerpMarkets:
    """`metaAndAssetCtxs`."""
    meta, contexts = _pair_of_raw.decode(body)
    said: _PerpMeta = _perp_meta.decode(meta)
    return PerpMarkets(
        read_rows(said.universe, _perp_asset),
        read_rows(_raw_list.decode(contexts), _perp_market),
        said.collateral_token,
    )


def decode_spot_markets(body: bytes) -> SpotMarkets:
    """`spotMetaAndAssetCtxs`."""
    meta, contexts = _pair_of_raw.decode(body)
    tokens, pairs = decode_spot_meta(bytes(meta))
    return SpotMarkets(tokens, pairs, read_rows(_raw_list.decode(contexts), _spot_market))


def decode_payments(body: bytes) -> Rows[FundingPayment]:
    """`fundingHistory`."""
    return read_rows(_raw_list.decode(body), _payment)


def decode_book(body: bytes) -> Book | None:
    """`l2Book`; None is how the exchange says that there is no such coin."""
    book: Book | None = _book.decode(body)
    return book
