"""Answers and frames in Hyperliquid's shapes, made by hand: small, with every oddity in them."""

from __future__ import annotations

import json
from typing import Any

META_AND_CONTEXTS = [
    {
        "universe": [
            {"szDecimals": 5, "name": "BTC", "maxLeverage": 40, "marginTableId": 56},
            {
                "szDecimals": 1,
                "name": "MATIC",
                "maxLeverage": 20,
                "marginTableId": 20,
                "isDelisted": True,
            },
            {
                "szDecimals": 0,
                "name": "kPEPE",
                "maxLeverage": 10,
                "onlyIsolated": True,
                "marginMode": "strictIsolated",
                "newKey": {"nobody": "knows"},
            },
        ],
        "marginTables": [[56, {"description": "tiered", "marginTiers": []}]],
        "collateralToken": 0,
    },
    [
        {
            "funding": "0.0000125",
            "openInterest": "22727.78266",
            "prevDayPx": "69557.0",
            "dayNtlVlm": "12377419030.3486595154",
            "premium": "-0.0001657051",
            "oraclePx": "66383.0",
            "markPx": "66344.0",
            "midPx": "66371.5",
            "impactPxs": ["66371.0", "66372.0"],
            "dayBaseVlm": "189106.61428",
        },
        {
            "funding": "0.0",
            "openInterest": "0.0",
            "prevDayPx": "0.37621",
            "dayNtlVlm": "0.0",
            "premium": None,
            "oraclePx": "0.3754",
            "markPx": "0.37621",
            "midPx": None,
            "impactPxs": None,
        },
        {"dayNtlVlm": 81234.5, "midPx": 0.0040205},
    ],
]

DEX_META_AND_CONTEXTS = [
    {
        "universe": [
            {"szDecimals": 3, "name": "xyz:TSLA", "maxLeverage": 20, "onlyIsolated": False},
            {"szDecimals": 3, "name": "xyz:HOOD", "maxLeverage": 10, "marginMode": "noCross"},
            {"szDecimals": 3, "name": "xyz:OLD", "maxLeverage": 10, "isDelisted": True},
        ],
        "collateralToken": 0,
    },
    [
        {"dayNtlVlm": "1892351.8189499998", "midPx": "381.385"},
        {"dayNtlVlm": "872589.8", "midPx": None},
        {"dayNtlVlm": "0.0", "midPx": None},
    ],
]

SPOT_META_AND_CONTEXTS = [
    {
        "tokens": [
            {"name": "USDC", "szDecimals": 8, "weiDecimals": 8, "index": 0, "fullName": None},
            {"name": "PURR", "szDecimals": 0, "weiDecimals": 5, "index": 1},
            {
                "name": "HYPE",
                "szDecimals": 2,
                "weiDecimals": 8,
                "index": 150,
                "evmContract": {"address": "0x00", "evm_extra_wei_decimals": -2},
            },
            {"name": "USDT0", "szDecimals": 2, "weiDecimals": 8, "index": 268},
        ],
        "universe": [
            {"tokens": [1, 0], "name": "PURR/USDC", "index": 0, "isCanonical": True},
            {"tokens": [150, 0], "name": "@107", "index": 107, "isCanonical": False},
            {"tokens": [150, 268], "name": "@207", "index": 207, "isCanonical": False},
        ],
    },
    [
        {"coin": "@1", "dayNtlVlm": "1.0", "midPx": "13.6", "circulatingSupply": "1.0"},
        {"coin": "@207", "dayNtlVlm": "5.5", "midPx": None},
        {"coin": "@107", "dayNtlVlm": "77000000.25", "midPx": "38.125"},
        {"coin": "PURR/USDC", "dayNtlVlm": "179216.62822", "midPx": "0.073122"},
    ],
]

DEXS = [
    None,
    {
        "name": "xyz",
        "fullName": "XYZ",
        "deployer": "0x00",
        "oracleUpdater": None,
        "assetToStreamingOiCap": [["xyz:TSLA", "25000000.0"]],
        "deployerFeeScale": "1.0",
    },
]

MIDS = {"BTC": "66371.5", "PURR/USDC": "0.073122", "@107": "38.125", "#1230": "0.43"}

CATEGORIES = [["xyz:TSLA", "stocks"], ["xyz:HOOD", "Pre-IPO & new"]]

MINUTE_MS = 60_000
OPEN_MS = 1_785_053_340_000


def candle(open_ms: int = OPEN_MS, **changes: Any) -> dict[str, Any]:
    """A row of `candleSnapshot`, and what a candle frame has for data."""
    return {
        "t": open_ms,
        "T": open_ms + MINUTE_MS - 1,
        "s": "BTC",
        "i": "1m",
        "o": "64340.0",
        "c": "64346.0",
        "h": "64347.0",
        "l": "64339.0",
        "v": "0.15124",
        "n": 21,
    } | changes


def frame(channel: str, data: Any) -> bytes:
    """A WebSocket frame."""
    return json.dumps({"channel": channel, "data": data}).encode()
