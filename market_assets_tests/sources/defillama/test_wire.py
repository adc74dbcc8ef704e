"""DefiLlama's lists, decoded: absent is None and never 0, nonsense costs itself and is named."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from market_assets.sources.defillama import wire
from market_assets_tests.sources.defillama.shapes import chain, overview, protocol, turnover


def body(value: object) -> bytes:
    return json.dumps(value).encode()


@pytest.mark.parametrize(
    ("value", "number"),
    [(1, 1.0), (1.5, 1.5), ("2.5", 2.5), ("1e3", 1000.0), (None, None), (0, 0.0), ("0.0", 0.0)],
)
def test_numbers_in_every_form(value: object, number: float | None) -> None:
    """A string that holds a number is one; null is no number, and a zero is a zero."""
    assert wire.read_number(value) == number


@pytest.mark.parametrize("value", ["None", "", "abc", "nan", "inf", True, [], {}, 10**400])
def test_what_is_no_number(value: object) -> None:
    """Python's own `None` as text is in a recording; booleans are no amounts."""
    with pytest.raises(ValueError, match="is no number"):
        wire.read_number(value)


@given(st.one_of(st.none(), st.floats(), st.integers(), st.text(), st.booleans(), st.binary()))
@settings(max_examples=40)
def test_a_number_is_finite_or_an_error(value: object) -> None:
    """Whatever comes, nothing but a finite number or None gets through."""
    try:
        number = wire.read_number(value)
    except ValueError:
        return
    assert number is None or abs(number) < float("inf")


def test_dollars_of_all_pegs_are_summed() -> None:
    """Numbers and strings; a null peg is left out, no peg at all is None and not 0."""
    assert wire.read_usd({"peggedUSD": 10, "peggedEUR": "2.5", "peggedVAR": None}) == 12.5
    assert wire.read_usd({"peggedUSD": None}) is None
    assert wire.read_usd({}) is None
    assert wire.read_usd(None) is None
    assert wire.read_usd({"peggedUSD": 0}) == 0.0
    with pytest.raises(ValueError, match="amounts by peg"):
        wire.read_usd([1])


def test_a_protocol() -> None:
    """Only `tvl` and the chains count; borrowed, staked and pool2 sections are no chains."""
    row = protocol(2, gecko_id="aave", symbol="AAVE", mcap="5e6", parentProtocol="parent#aave")
    (read,) = wire.read_protocols(body([row])).items
    assert (read.llama_id, read.slug, read.tvl_usd, read.mcap_usd) == (
        "2",
        "protocol-2",
        600.0,
        5e6,
    )
    assert (read.gecko_id, read.symbol, read.parent) == ("aave", "AAVE", "parent#aave")
    assert read.tvl_by_chain == {"Ethereum": 400.0, "Binance": 200.0}


def test_sections_are_known_however_they_are_written() -> None:
    """`dcAndLsOverlap` too; a hyphen alone makes no section."""
    row = protocol(chainTvls={"A-b": 1, "X-dcAndLsOverlap": 2, "liquidstaking": 3, "X-Staking": 4})
    (read,) = wire.read_protocols(body([row])).items
    assert read.tvl_by_chain == {"A-b": 1.0}


def test_absent_and_null_are_none() -> None:
    """Neither 0 nor ''; `-` is DefiLlama's way to write that there is no ticker."""
    bare = {"id": 7, "name": "Bare", "slug": "bare"}
    full = protocol(8, tvl=None, chains=None, chainTvls=None, mcap=None, symbol="-", category="")
    for read in wire.read_protocols(body([bare, full])).items:
        assert (read.tvl_usd, read.mcap_usd, read.symbol, read.category) == (None,) * 4
        assert (read.chains, dict(read.tvl_by_chain)) == ((), {})


def test_a_bad_value_costs_itself() -> None:
    """The row stays, without the value, which is named; so is a negative stock."""
    rows = [
        protocol(1, tvl="much"),
        protocol(2, chainTvls={"Ethereum": {"tvl": 1}, "Tron": 2}, mcap=-1),
    ]
    listed = wire.read_protocols(body(rows))
    first, second = listed.items
    assert first.tvl_usd is None
    assert (second.mcap_usd, second.tvl_by_chain) == (None, {"Tron": 2.0})
    assert set(listed.faults) == {
        "protocol-1 tvl",
        "protocol-2 chainTvls Ethereum",
        "protocol-2 mcap",
    }
    assert listed.rejected == {}


def test_a_bad_row_costs_itself_and_is_named() -> None:
    """By its slug, or its name, or where it stood."""
    rows: list[Any] = [protocol(1), protocol(2, name=None), {"name": "No slug", "id": "3"}, 5, None]
    listed = wire.read_protocols(body(rows))
    assert [one.slug for one in listed.items] == ["protocol-1"]
    assert list(listed.rejected) == ["protocol-2", "No slug", "row 3", "row 4"]


def test_a_list_without_a_good_row_is_an_error() -> None:
    """It is not an empty list: the shape has changed."""
    with pytest.raises(msgspec.ValidationError, match="none of 2 rows makes sense"):
        wire.read_protocols(body([{"slug": "a"}, {"slug": "b"}]))
    assert wire.read_protocols(body([])).items == ()
    with pytest.raises(msgspec.DecodeError):
        wire.read_protocols(b'[{"id": "1", ')


def test_chains_and_their_stablecoins() -> None:
    """Missing identifiers of small chains; euros are in dollars already."""
    rows = [chain("Ethereum", 5e10, gecko_id="ethereum"), {"name": "Tiny", "tvl": None}]
    ethereum, tiny = wire.read_chains(body(rows)).items
    assert (ethereum.gecko_id, ethereum.tvl_usd) == ("ethereum", 5e10)
    assert (tiny.gecko_id, tiny.token_symbol, tiny.tvl_usd) == (None, None, None)
    totals = [
        {"name": "Ethereum", "totalCirculatingUSD": {"peggedUSD": 6e8, "peggedEUR": "1e6"}},
        {"name": "Odd", "totalCirculatingUSD": {"peggedUSD": "lots"}},
        {"name": "Silent", "gecko_id": None, "tokenSymbol": None},
    ]
    listed = wire.read_stablecoin_chains(body(totals))
    assert [(one.name, one.total_usd) for one in listed.items] == [
        ("Ethereum", 601e6),
        ("Odd", None),
        ("Silent", None),
    ]
    assert list(listed.faults) == ["Odd totalCirculatingUSD"]


def test_an_overview() -> None:
    """Absent totals are None; identifiers are text or numbers; chains are told from protocols."""
    gas = turnover(9, defillamaId="chain#1027", protocolType="chain", slug="ethereum")
    rows = [
        turnover(1),
        {"id": 2, "name": "Sparse", "slug": "sparse", "total24h": "5.5", "total7d": "None"},
        gas,
        {"displayName": "nobody"},
        turnover(4, total24h=-3.0),
    ]
    read = wire.read_overview(body(overview(*rows, chains=("Ethereum", "BSC"))))
    first, sparse, chained, losing = read.turnovers.items
    assert (first.llama_id, first.total_24h, first.total_7d, first.total_30d) == ("1", 11, 70, 300)
    assert (sparse.llama_id, sparse.total_24h, sparse.total_7d) == ("2", 5.5, None)
    assert chained.is_chain
    assert not first.is_chain
    assert losing.total_24h == -3.0, "revenue can be negative"
    assert read.chains == ("Ethereum", "BSC")
    assert "sparse total7d" in read.turnovers.faults
    assert list(read.turnovers.rejected) == ["row 3"]
