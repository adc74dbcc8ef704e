"""A small registry, with the traps of the exchange's own, for the tests of linking."""

from __future__ import annotations

from typing import Final

from market_assets.features.linking.listings import Listed

FIRST_DEX: Final = (
    "BTC", "ETH", "SOL", "XRP", "DOGE", "BNB", "HYPE", "AVAX", "ADA", "LTC", "BCH", "ETC",
    "kPEPE", "kSHIB", "kBONK", "LINK", "OP", "NEAR", "TRUMP", "PEOPLE", "ME", "NOT", "S", "SPX",
    "MEGA", "LIT", "IP", "POL", "UNI", "PUMP", "JUP", "XLM", "COMP", "BRANDNEW",
)  # fmt: skip
DELISTED: Final = ("MATIC", "FTT", "MKR")

REGISTRY: Final = (
    *(Listed(symbol, "perp", "", symbol) for symbol in FIRST_DEX),
    *(Listed(symbol, "perp", "", symbol, is_delisted=True) for symbol in DELISTED),
    Listed("@107", "spot", "", "HYPE/USDC"),
    Listed("@9", "spot", "", "TRUMP/USDC"),
    Listed("@10", "spot", "", "MOON/USDC"),
    Listed("xyz:BTC", "perp", "xyz", "xyz:BTC"),
    Listed("xyz:TSLA", "perp", "xyz", "xyz:TSLA"),
    Listed("xyz:GOLD", "perp", "xyz", "xyz:GOLD"),
)
