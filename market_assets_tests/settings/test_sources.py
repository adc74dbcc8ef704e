"""`MARKET_SOURCES`: what is on by default, what somebody chooses, and what is no source."""

from __future__ import annotations

from pathlib import Path

import pytest

from market_assets.settings import env_example, load
from market_assets.settings.values import SettingError
from market_assets.switches import NAMES, Off, Switches

DEFAULT = frozenset({"hyperliquid", "polymarket", "defillama", "binance", "bybit"})


def switched(root: Path, **variables: str) -> Switches:
    return load(variables, root=root).sources


def test_by_default_those_are_on_that_need_nothing(tmp_path: Path) -> None:
    """Of the names of other versions' sources none is missed."""
    assert switched(tmp_path) == Switches(DEFAULT)
    assert switched(tmp_path).off == ()


@pytest.mark.parametrize(
    ("variable", "source"),
    [
        ("EVM_RPC_URLS", "evm"),
        ("THEGRAPH_API_KEY", "uniswap"),
        ("UNISWAP_SUBGRAPH_URL", "uniswap"),
    ],
)
def test_a_source_joins_when_it_is_configured(tmp_path: Path, variable: str, source: str) -> None:
    assert switched(tmp_path, **{variable: "x"}).on == DEFAULT | {source}
    assert switched(tmp_path, **{variable: " "}).on == DEFAULT
    chosen = switched(tmp_path, **{variable: "x"}, MARKET_SOURCES="hyperliquid")
    assert chosen.on == {"hyperliquid"}, "who chooses has the last word"


def test_blanks_capitals_and_repetitions_are_forgiven(tmp_path: Path) -> None:
    found = switched(tmp_path, MARKET_SOURCES=" Hyperliquid ,,DEFILLAMA,hyperliquid, ")
    assert found == Switches(frozenset({"hyperliquid", "defillama"}), is_chosen=True)
    assert found.off == (Off("polymarket", "MARKET_SOURCES"),)


@pytest.mark.parametrize("empty", ["", " ", "\t"])
def test_an_empty_value_counts_as_unset(tmp_path: Path, empty: str) -> None:
    (tmp_path / ".env").write_text(f"MARKET_SOURCES='{empty}'\n")
    assert switched(tmp_path) == Switches(DEFAULT)
    assert switched(tmp_path, MARKET_SOURCES=empty) == Switches(DEFAULT)


@pytest.mark.parametrize("name", NAMES)
def test_every_source_of_any_version_may_be_named(tmp_path: Path, name: str) -> None:
    assert switched(tmp_path, MARKET_SOURCES=name).on == {name}


@pytest.mark.parametrize(
    ("value", "wrong"),
    [
        ("hyperliquid,polymarkt", "'polymarkt'"),
        ("hyperliquid polymarket", "'hyperliquid polymarket'"),
        ("all", "'all'"),
        (" , ,", "no source"),
    ],
)
def test_what_is_no_source_is_named_with_those_that_are(
    tmp_path: Path, value: str, wrong: str
) -> None:
    with pytest.raises(SettingError) as caught:
        switched(tmp_path, MARKET_SOURCES=value)
    said = str(caught.value)
    assert said.startswith("MARKET_SOURCES ")
    assert wrong in said
    assert "hyperliquid, polymarket, defillama, binance, bybit, uniswap, evm" in said
    assert "\n" not in said


def test_simulated_venues_have_all_sources_unless_some_are_chosen(tmp_path: Path) -> None:
    """The wish is enough: `make run` brings the venues later."""
    assert switched(tmp_path, UPSTREAM="simulated").on == set(NAMES)
    chosen = {"UPSTREAM": "simulated", "MARKET_SOURCES": "polymarket"}
    assert switched(tmp_path, **chosen).on == {"polymarket"}


def test_a_copied_example_chooses_nothing(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(env_example())
    assert switched(tmp_path) == Switches(DEFAULT)
    assert switched(tmp_path, UPSTREAM="simulated").on == set(NAMES)
