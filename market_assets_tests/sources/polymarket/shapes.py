"""Polymarket's answers in the venue's shapes, with made-up values."""

from __future__ import annotations

import json
from typing import Any

YES = "1" * 77
NO = "2" * 77


def condition(number: int) -> str:
    """A condition id."""
    return f"0x{number:064x}"


def market(number: int = 1, **changed: Any) -> dict[str, Any]:
    """An open market as Gamma lists it inside an event: lists are strings, volumes are twice."""
    return {
        "id": str(500_000 + number),
        "question": f"Will it happen {number}?",
        "conditionId": condition(number),
        "slug": f"will-it-happen-{number}",
        "resolutionSource": "",
        "endDate": "2026-12-24T12:00:00Z",
        "endDateIso": "2026-12-24",
        "startDate": "2026-11-01T08:30:00.123456Z",
        "createdAt": "2026-11-01T08:00:00.12345Z",
        "outcomes": json.dumps(["Yes", "No"]),
        "outcomePrices": json.dumps(["0.155", "0.845"]),
        "clobTokenIds": json.dumps([f"{YES}{number}", f"{NO}{number}"]),
        "questionID": f"0x{number:064x}",
        "marketMakerAddress": "",
        "volume": "1234.5",
        "volumeNum": 1234.5,
        "volume24hr": 99.25,
        "liquidity": "777.25",
        "liquidityNum": 777.25,
        "active": True,
        "closed": False,
        "acceptingOrders": True,
        "enableOrderBook": True,
        "negRisk": False,
        "orderPriceMinTickSize": 0.001,
        "orderMinSize": 5,
        "bestBid": 0.154,
        "bestAsk": 0.156,
        "lastTradePrice": 0.155,
        "umaResolutionStatuses": "[]",
        "version": "v1",
        **changed,
    }


def resolved(number: int = 1, **changed: Any) -> dict[str, Any]:
    """A market that has closed, and whose first outcome has won."""
    return market(
        number,
        **{
            "closed": True,
            "closedTime": "2026-11-19 00:00:16+00",
            "outcomePrices": json.dumps(["1", "0"]),
            "umaResolutionStatus": "resolved",
            "liquidity": "0",
            "liquidityNum": 0,
            **changed,
        },
    )


def event(number: int = 1, *markets: dict[str, Any] | None, **changed: Any) -> dict[str, Any]:
    """An event with its markets (one, if none are given)."""
    return {
        "$schema": "https://gamma-api.polymarket.com/schemas/Event.json",
        "id": str(number),
        "slug": f"event-{number}",
        "title": f"Event {number}",
        "resolutionSource": "",
        "startDate": "2026-11-01T08:30:00.123456Z",
        "endDate": "2026-12-24T12:00:00Z",
        "active": True,
        "closed": False,
        "liquidity": 777.25,
        "volume": 1234.5,
        "volume24hr": 99.25,
        "openInterest": 4321.0,
        "negRisk": False,
        "enableNegRisk": False,
        "gameId": -1,
        "tags": [
            {"id": "21", "label": "Crypto", "slug": "crypto", "publishedAt": "2023-11-02 21:29:07"},
            {"id": 235, "label": "Bitcoin", "slug": "bitcoin"},
        ],
        "markets": list(markets) or [market(number)],
        "version": "v1",
        **changed,
    }


def trade(number: int = 1, **changed: Any) -> dict[str, Any]:
    """A row of the feed of trades."""
    return {
        "proxyWallet": "0xAbCdEf0000000000000000000000000000000001",
        "side": "BUY",
        "asset": YES,
        "conditionId": condition(number),
        "size": 200,
        "price": 0.155,
        "timestamp": 1_795_000_000 + number,
        "title": "Will it happen?",
        "outcome": "Yes",
        "outcomeIndex": 0,
        "name": "",
        "pseudonym": "",
        "transactionHash": f"0xABC{number:061x}",
        **changed,
    }


def book(token: str = YES, **changed: Any) -> dict[str, Any]:
    """A book as `POST /books` has it: strings, bids ascending, asks descending."""
    return {
        "market": condition(1),
        "asset_id": token,
        "timestamp": "1795000000123",
        "hash": "ab" * 20,
        "bids": [{"price": "0.1", "size": "30"}, {"price": "0.15", "size": "10.5"}],
        "asks": [{"price": "0.9", "size": "7"}, {"price": "0.16", "size": "20"}],
        "min_order_size": "5",
        "tick_size": "0.01",
        "neg_risk": False,
        "last_trade_price": "0.150",
        **changed,
    }
