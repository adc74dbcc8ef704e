"""Names: one chain however it is spelled, symbols by what identifies a token."""

from __future__ import annotations

import csv
from importlib import resources

import pytest

from market_assets.sources.defillama.model import Chain, Protocol
from market_assets.sources.defillama.names.files import (
    Keys,
    chain_name,
    chain_slug,
    linked_symbol,
)
from market_assets.sources.defillama.subjects import chain_subjects, protocol_subjects
from market_assets.vocabulary.assets import known_assets


def rows(name: str) -> list[dict[str, str]]:
    folder = resources.files("market_assets.sources.defillama.names")
    return list(csv.DictReader(folder.joinpath(name).read_text("utf-8").splitlines()))


@pytest.mark.parametrize(
    ("spellings", "slug"),
    [
        (("BSC", "Binance", "bsc", "BINANCE"), "bsc"),
        (("OP Mainnet", "Optimism", "op mainnet"), "op-mainnet"),
        (("Gnosis", "xDai", "XDAI"), "gnosis"),
        (("Hyperliquid L1", "Hyperliquid"), "hyperliquid-l1"),
        (("XRPL", "Ripple"), "xrpl"),
        (("CosmosHub", "Cosmos"), "cosmoshub"),
        (("zkSync Era", "ZKsync Era", "era"), "zksync-era"),
        (("Rootstock", "RSK"), "rootstock"),
        (("Some New Chain", "some  new chain"), "some-new-chain"),
    ],
)
def test_spellings_of_one_chain(spellings: tuple[str, ...], slug: str) -> None:
    assert {chain_slug(spelling) for spelling in spellings} == {slug}


def test_chains_that_look_alike_stay_apart() -> None:
    """Arbitrum and Arbitrum Nova, Polygon and Polygon zkEVM, Cronos and Cronos zkEVM."""
    for one, other in (
        ("Arbitrum", "Arbitrum Nova"),
        ("Polygon", "Polygon zkEVM"),
        ("Cronos", "Cronos zkEVM"),
        ("zkSync Era", "zkSync Lite"),
    ):
        assert chain_slug(one) != chain_slug(other)


def test_the_alias_file_has_no_contradiction() -> None:
    """An alias means one chain, and no chain's own name is an alias of another."""
    aliases = [row["also_called"].casefold() for row in rows("chains.csv")]
    assert len(aliases) == len(set(aliases))
    for row in rows("chains.csv"):
        assert chain_name(row["name"]) == row["name"]


def test_what_assets_are_known_by_is_sound() -> None:
    """No two assets share an id, a family or a protocol; chains stand by their one name."""
    for kind in ("gecko_ids", "parents", "protocols", "chains"):
        keys = [key.casefold() for asset in known_assets() for key in getattr(asset, kind)]
        assert len(keys) == len(set(keys)), kind
    chains = [chain for asset in known_assets() for chain in asset.chains]
    assert [chain_name(chain) for chain in chains] == chains


def test_an_asset_has_the_symbol_that_trades() -> None:
    """Lots of a thousand, and coins that were renamed, as in the links of markets."""
    assert linked_symbol(Keys(gecko_id="terra-luna")) == "kLUNC"
    assert linked_symbol(Keys(gecko_id="matic-network")) == "POL"
    assert linked_symbol(Keys(gecko_id="polygon-ecosystem-token")) == "POL"
    assert linked_symbol(Keys(chain="hyperliquid l1")) == "HYPE"


def test_a_token_is_told_by_identifier_family_or_protocol() -> None:
    """The identifier is the strongest; a ticker says nothing."""
    assert linked_symbol(Keys(gecko_id="uniswap")) == "UNI"
    assert linked_symbol(Keys(parent="parent#aave")) == "AAVE"
    assert linked_symbol(Keys(protocol="uniswap-v3")) == "UNI"
    assert linked_symbol(Keys(gecko_id="aave", parent="parent#uniswap")) == "AAVE"
    assert linked_symbol(Keys(gecko_id="not-listed-anywhere")) is None
    assert linked_symbol(Keys()) is None


def test_a_shared_ticker_links_nothing() -> None:
    """A protocol whose ticker is UNI, and which is not Uniswap, has no Hyperliquid symbol."""
    impostor = Protocol("1", "unicorn", "Unicorn", "UNI", None, None, None, (), 1.0, None, {})
    (subject,), _ = protocol_subjects([impostor])
    assert (subject.token_symbol, subject.hyperliquid_symbol) == ("UNI", None)


def test_exchanges_are_no_subjects() -> None:
    """What they hold is their customers'."""
    exchange = Protocol("2", "binance-cex", "Binance", None, "CEX", None, None, (), 8e10, None, {})
    assert protocol_subjects([exchange]) == ([], {})


def test_two_spellings_in_one_list_are_one_subject() -> None:
    """The first counts, the other is named."""
    rows = [Chain("BSC", "binancecoin", "BNB", 5.0), Chain("Binance", None, None, 4.0)]
    (subject,), rejected = chain_subjects(rows)
    assert (subject.subject_id, subject.tvl_usd) == ("chain:bsc", 5.0)
    assert subject.hyperliquid_symbol == "BNB"
    assert rejected == {"Binance": "it is chain:bsc, which is listed already"}


def test_a_slug_of_the_venue_stays_as_it_is() -> None:
    """`pump.fun` has a dot; chains of a protocol have their one name."""
    row = Protocol(
        "4449",
        "pump.fun",
        "pump.fun",
        None,
        "Launchpad",
        None,
        None,
        ("xDai", "Gnosis"),
        1.0,
        None,
        {},
    )
    (subject,), _ = protocol_subjects([row])
    assert (subject.subject_id, subject.chains) == ("protocol:pump.fun", ["Gnosis"])
