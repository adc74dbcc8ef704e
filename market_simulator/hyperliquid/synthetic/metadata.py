"""What the simulated exchange says of its listings: `meta`, `spotMeta`, dexs, categories, caps.

Prices and volumes are in `contexts.py`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from market_simulator.hyperliquid.synthetic import names
from market_simulator.hyperliquid.synthetic.tape import address
from market_simulator.randomness import hash_of, key_of

if TYPE_CHECKING:
    from market_simulator.hyperliquid.synthetic.assets import Asset
    from market_simulator.hyperliquid.synthetic.universe import Universe

Json = dict[str, object]

_TIERED: Final = {
    51: ("tiered 10x", ((0, 10), (3_000_000, 5))),
    54: ("tiered 20x", ((0, 20), (40_000_000, 10))),
    55: ("tiered 25x", ((0, 25), (100_000_000, 15))),
    56: ("tiered 40x", ((0, 40), (150_000_000, 20))),
}
_TABLE_OF: Final = {40: 56, 25: 55, 20: 54, 10: 51}


def meta(universe: Universe, dex: str) -> Json:
    """The answer to `meta` for one dex."""
    collateral = {d.name: d.collateral for d in universe.dexs}.get(dex, 0)
    return {
        "universe": [_perp(asset) for asset in universe.perps(dex)],
        "marginTables": [
            [
                number,
                {
                    "description": text,
                    "marginTiers": [
                        {"lowerBound": f"{low}.0", "maxLeverage": most} for low, most in tiers
                    ],
                },
            ]
            for number, (text, tiers) in _TIERED.items()
        ],
        "collateralToken": collateral,
    }


def _perp(asset: Asset) -> Json:
    row: Json = {
        "szDecimals": asset.scale.sz_decimals,
        "name": asset.coin,
        "maxLeverage": asset.max_leverage,
        "marginTableId": _TABLE_OF.get(asset.max_leverage, asset.max_leverage),
    }
    if asset.isolated:
        row |= {"onlyIsolated": True, "marginMode": "strictIsolated"}
    if asset.delisted:
        row["isDelisted"] = True
    if asset.dex and asset.key % 4:
        row |= {
            "growthMode": "enabled",
            "lastGrowthModeChangeTime": "2025-11-23T17:37:10.033211662",
        }
    return row


def spot_meta(universe: Universe) -> Json:
    """The answer to `spotMeta`: pairs in order of their index, which has holes, and tokens."""
    bases = {p.base_token: p.base for p in universe.spot_pairs.values()}
    tokens = {index: name for name, index in names.STABLES.items()} | bases
    return {
        "universe": [
            {
                "tokens": [pair.base_token, pair.quote_token],
                "name": coin,
                "index": pair.place,
                "isCanonical": pair.place == 0,
            }
            for coin, pair in universe.spot_pairs.items()
            if universe.find(coin) is not None
        ],
        "tokens": [_token(index, tokens[index]) for index in sorted(tokens)],
    }


def _token(index: int, name: str) -> Json:
    draw = hash_of(key_of("token", name), index)
    contract: Json | None = None
    if draw % 3 == 0:
        extra = -2 if name == "USDC" else 10 + draw % 4
        contract = {"address": address(index), "evm_extra_wei_decimals": extra}
    sz = 8 if name == "USDC" else draw % 3
    return {
        "name": name,
        "szDecimals": sz,
        "weiDecimals": 8 if name == "USDC" else sz + 5,
        "index": index,
        "tokenId": f"0x{draw:016x}{hash_of(draw, 1):016x}",
        "isCanonical": index < 2,  # noqa: PLR2004 - USDC and PURR
        "evmContract": contract,
        "fullName": None if draw % 5 else f"{name.title()} Coin",
        "deployerTradingFeeShare": "0.0" if draw % 4 else "1.0",
    }


def perp_dexs(universe: Universe) -> list[Json | None]:
    """The answer to `perpDexs`: first null, for the main dex."""
    return [None, *(_dex(universe, dex, number) for number, dex in enumerate(universe.dexs))]


def _dex(universe: Universe, dex: names.BuilderDex, number: int) -> Json:
    coins = [asset.coin for asset in universe.perps(dex.name)]
    return {
        "name": dex.name,
        "fullName": dex.full_name,
        "deployer": address(2000 + number),
        "oracleUpdater": None if number % 2 == 0 else address(2100 + number),
        "feeRecipient": address(2200 + number) if number < 3 else None,  # noqa: PLR2004 - null occurs
        "assetToStreamingOiCap": [[coin, _cap(coin)] for coin in coins],
        "subDeployers": [["setOracle", [address(2300 + number)]]],
        "deployerFeeScale": "1.0",
        "lastDeployerFeeScaleChangeTime": "1970-01-01T00:00:00",
        "assetToFundingMultiplier": [[coin, "1.0"] for coin in coins[: number + 1]],
        "assetToFundingInterestRate": [],
    }


def _cap(coin: str) -> str:
    return ("25000000.0", "50000000.0", "150000000.0")[key_of(coin, "cap") % 3]


def dex_limits(universe: Universe, dex: str) -> Json:
    """The answer to `perpDexLimits`."""
    return {
        "totalOiCap": "400000000.0",
        "oiSzCapPerPerp": "1000000000.0",
        "maxTransferNtl": "150000000.0",
        "coinToOiCap": [[asset.coin, _cap(asset.coin)] for asset in universe.perps(dex)],
    }


def categories(universe: Universe) -> list[list[str]]:
    """The answer to `perpCategories`: builders' perpetuals only, and not all of these."""
    return [
        [asset.coin, category(asset.coin)]
        for asset in universe.listed()
        if asset.dex and asset.key % 11
    ]


def category(coin: str) -> str:
    """The category that the builder gave the coin."""
    return names.CATEGORY_OF.get(coin.partition(":")[2], "stocks")


def annotation(asset: Asset) -> Json | None:
    """The answer to `perpAnnotation`."""
    if not asset.dex:
        return None
    name = asset.coin.partition(":")[2]
    return {"category": category(asset.coin), "description": f"{name} perpetual"}


def concise_annotations(universe: Universe) -> list[list[object]]:
    """The answer to `perpConciseAnnotations`."""
    return [
        [coin, {"category": text, "keywords": [coin.partition(":")[2].lower()]}]
        if key_of(coin) % 3 == 0
        else [coin, {"category": text}]
        for coin, text in categories(universe)
    ]
