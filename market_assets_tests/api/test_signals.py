"""The route of signals, and the newest signals of a symbol."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest

from market_assets.api.signals import SIGNALS_SHOWN
from market_assets_tests.api.database import ago, content, publish
from market_assets_tests.api.serving import error_of, served
from market_assets_tests.api.test_answers import LATEST, get

SIGNALS = "/api/v1/polymarket/signals"


def _ids(api: httpx.Client, **asked: Any) -> list[str]:
    answer = api.get(SIGNALS, params=asked)
    assert answer.status_code == 200, answer.text
    return [one["signal_id"] for one in answer.json()["signals"]]


def test_signals_come_newest_first(api: httpx.Client) -> None:
    answer = get(api, SIGNALS)
    assert [one["signal_id"] for one in answer["signals"]] == [f"s{n}" for n in range(1, 15)]
    assert answer["count"] == 14
    first = answer["signals"][0]
    assert (first["kind"], first["symbol"], first["score"]) == ("price_jump", "BTC", 8.0)
    assert first["detail"] == {"mid": 0.1}
    assert first["age_s"] == 60.0
    assert answer["signals"][1]["token_id"] is None


@pytest.mark.parametrize(
    ("asked", "ids"),
    [
        ({"kind": "price_jump"}, ["s1"]),
        ({"kind": "large_trade"}, []),
        ({"symbol": "BTC", "limit": 2}, ["s1", "s3"]),
        ({"symbol": "ETH"}, []),
        ({"since": ago(minutes=3).isoformat()}, ["s1", "s2", "s3"]),
        ({"since": ago(minutes=2).timestamp(), "symbol": "BTC"}, ["s1"]),
        (
            {"kind": "volume_spike", "symbol": "BTC", "since": ago(minutes=4).isoformat()},
            ["s3", "s4"],
        ),
    ],
    ids=str,
)
def test_what_is_asked_restricts_the_answer(
    api: httpx.Client, asked: dict[str, Any], ids: list[str]
) -> None:
    assert _ids(api, **asked) == ids


@pytest.mark.parametrize(
    ("query", "code", "named"),
    [
        ("kind=moon", "bad_parameter", "kind is 'moon'; it may be large_trade, volume_spike"),
        ("kind=", "bad_parameter", "kind is ''"),
        ("symbol=", "unknown_symbol", "no symbol ''"),
        (f"symbol={'x' * 50}", "unknown_symbol", "no symbol"),
        ("since=yesterday", "bad_instant", "since is 'yesterday'"),
        ("limit=1001", "bad_limit", "1 to 1000"),
        ("from=1", "unknown_parameter", "there are: since, kind, symbol, limit"),
    ],
)
def test_what_cannot_be_asked_is_named(
    api: httpx.Client, query: str, code: str, named: str
) -> None:
    _, said, message = error_of(api.get(f"{SIGNALS}?{query}"))
    assert said == code
    assert named in message


def test_a_symbol_has_its_newest_signals_in_latest(api: httpx.Client) -> None:
    found = get(api, LATEST, "BTC")["signals"]
    assert [one["signal_id"] for one in found] == ["s1", *(f"s{n}" for n in range(3, 12))]
    assert len(found) == SIGNALS_SHOWN
    assert get(api, LATEST, "kPEPE")["signals"] == []


def test_a_file_of_before_there_were_signals_has_none(tmp_path: Path) -> None:
    frames = content()
    del frames["polymarket_signal_events"]
    path = tmp_path / "market.duckdb"
    publish(path, frames)
    with served(path) as client:
        assert get(client, SIGNALS) == {"count": 0, "signals": []}
        assert get(client, LATEST, "BTC")["signals"] == []
