"""Info answers decoded: every shape seen so far, and one bad row costing only itself."""

from __future__ import annotations

import json
import math
import random

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from market_assets.sources.hyperliquid import wire

from . import payloads


def body(value: object) -> bytes:
    return json.dumps(value).encode()


def test_numbers_come_as_strings_or_as_numbers() -> None:
    """Float noise is read to the nearest double, absent and null are None."""
    assets, contexts, _ = wire.decode_perps(body(payloads.META_AND_CONTEXTS))
    assert [asset.name for asset in assets.items if asset] == ["BTC", "MATIC", "kPEPE"]
    volumes = [context.day_ntl_vlm for context in contexts.items if context]
    assert volumes == [12377419030.3486595154, 0.0, 81234.5]
    assert [context.mid_px for context in contexts.items if context] == [66371.5, None, 0.0040205]


@given(st.floats(min_value=1e-9, max_value=1e12), st.integers(0, 19))
def test_strings_are_read_as_python_reads_them(number: float, digits: int) -> None:
    """The decoder's own parser of numbers in strings is exact to the last bit."""
    text = f"{number:.{digits}f}"
    read, _ = wire.decode_mids(body({"X": text}))
    assert read["X"] == float(text)


def test_optional_flags_are_absent_null_or_given() -> None:
    assets, _, collateral = wire.decode_perps(body(payloads.DEX_META_AND_CONTEXTS))
    flags = [(a.is_delisted, a.only_isolated, a.margin_mode) for a in assets.items if a]
    assert flags == [(None, False, None), (None, None, "noCross"), (True, None, None)]
    assert collateral == 0


def test_a_bad_row_costs_itself_only() -> None:
    """Positions are kept, because markets are aligned with assets by position."""
    value = json.loads(body(payloads.META_AND_CONTEXTS))
    value[0]["universe"][1] = {"name": "MATIC", "szDecimals": "many"}
    value[1][0] = "nothing"
    assets, contexts, _ = wire.decode_perps(body(value))
    assert [asset and asset.name for asset in assets.items] == ["BTC", None, "kPEPE"]
    assert list(assets.left_out) == [1]
    assert (assets.faults[0].row, assets.faults[0].field) == ("MATIC", "")
    assert "szDecimals" in assets.faults[0].reason
    assert contexts.items[0] is None
    assert contexts.items[2] is not None


def test_dexs_begin_with_null() -> None:
    dexs = wire.decode_dexs(body(payloads.DEXS))
    assert [(dex.name, dex.full_name) for dex in dexs.items if dex] == [("xyz", "XYZ")]
    assert dexs.faults == []
    assert wire.decode_dexs(b'[null, {"fullName": "?"}]').faults


def test_spot_has_three_lists() -> None:
    tokens, pairs, contexts = wire.decode_spot(body(payloads.SPOT_META_AND_CONTEXTS))
    assert [token.index for token in tokens.items if token] == [0, 1, 150, 268]
    assert [pair.tokens for pair in pairs.items if pair] == [(1, 0), (150, 0), (150, 268)]
    assert next(context.coin for context in contexts.items if context) == "@1"


def test_mids_that_are_no_numbers_are_told_apart() -> None:
    mids, faults = wire.decode_mids(b'{"BTC":"1.5","ETH":2,"A":null,"B":"x","C":[1],"D":"NaN"}')
    assert mids["BTC"] == 1.5
    assert mids["ETH"] == 2.0
    assert math.isnan(mids["D"])  # a number for JSON; `sanity` says that it is no price
    assert set(faults) == {"A", "B", "C"}


def test_candles_row_by_row_where_one_is_bad() -> None:
    rows = wire.decode_candles(body([payloads.candle(), payloads.candle(n="21", v=1)]))
    assert [(row.trades, row.volume) for row in rows.items if row] == [(21, 0.15124), (21, 1.0)]
    assert rows.faults == []
    rows = wire.decode_candles(body([payloads.candle(), payloads.candle(o=None), None]))
    assert [row is not None for row in rows.items] == [True, False, False]
    assert list(rows.left_out) == [1, 2]


def test_a_row_with_garbled_text_or_endless_nesting_costs_only_itself() -> None:
    """Neither is an error of msgspec's own, and neither may cost the rows beside it."""
    good = body(payloads.candle())
    garbled = good.replace(b'"BTC"', b'"\xff\xfe"')
    assert garbled != good
    rows = wire.decode_candles(b"[" + good + b"," + garbled + b"]")
    assert [row is not None for row in rows.items] == [True, False]
    mids, faults = wire.decode_mids(b'{"BTC": "1.5", "ETH": "\xff"}')
    assert (mids, list(faults)) == ({"BTC": 1.5}, ["ETH"])


def test_categories_are_pairs() -> None:
    rows = wire.decode_categories(b'[["xyz:TSLA","stocks"],["xyz:HOOD"],[1,2]]')
    assert rows.items == [("xyz:TSLA", "stocks"), None, None]


DECODERS = [
    wire.decode_dexs,
    wire.decode_perps,
    wire.decode_spot,
    wire.decode_mids,
    wire.decode_candles,
    wire.decode_categories,
]


@pytest.mark.parametrize("decode", DECODERS)
@pytest.mark.parametrize("answer", [b"null", b'"text"', b"17", b"[1", b"<html>", b""])
def test_another_shape_is_an_error(decode: object, answer: bytes) -> None:
    """A bare null is a legal element and an error's body: never an empty answer."""
    with pytest.raises(msgspec.DecodeError):
        decode(answer)  # type: ignore[operator]  # each of them takes bytes


@pytest.mark.parametrize("decode", DECODERS)
def test_garbled_answers_are_errors_or_faults(decode: object) -> None:
    """Bytes flipped at random never raise anything else than the two errors of the decoder."""
    rng = random.Random(7)
    whole = body(payloads.META_AND_CONTEXTS)
    for _ in range(300):
        garbled = bytearray(whole)
        for _ in range(rng.randint(1, 20)):
            garbled[rng.randrange(len(garbled))] = rng.randrange(256)
        try:
            decode(bytes(garbled))  # type: ignore[operator]  # each of them takes bytes
        except (msgspec.DecodeError, UnicodeDecodeError):
            continue
