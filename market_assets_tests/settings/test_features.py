"""Thresholds of regimes and pressures as settings: defaults, values, order."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest

from market_assets.features.thresholds import SignalThresholds
from market_assets.settings import load
from market_assets.settings.features import FeatureThresholds, variables
from market_assets.settings.values import SettingError
from market_assets.tables.polymarket_signals import SIGNAL_KINDS


def test_defaults_are_those_of_the_features(tmp_path: Path) -> None:
    assert load({}, tmp_path).thresholds == FeatureThresholds()


def test_a_variable_moves_its_threshold_and_no_other(tmp_path: Path) -> None:
    changed = load({"MARKET_VOLATILITY_CALM_BELOW": "0.2"}, tmp_path).thresholds
    assert changed.volatility.calm_below_rate == 0.2
    assert changed.volatility.extreme_from_rate == FeatureThresholds().volatility.extreme_from_rate
    assert changed.funding == FeatureThresholds().funding


def test_every_variable_reaches_a_threshold_of_its_own(tmp_path: Path) -> None:
    plain = load({}, tmp_path).thresholds
    seen = set()
    for name, default, _ in variables():
        moved = load({name: str(float(default) * 1.01)}, tmp_path).thresholds
        assert moved != plain, name
        seen.add(moved)
    assert len(seen) == len(variables())


@pytest.mark.parametrize(
    ("environment", "what"),
    [
        ({"MARKET_VOLATILITY_CALM_BELOW": "0.9"}, "does not rise"),
        ({"MARKET_FUNDING_SHORTS_PREMIUM_BPS": "6"}, "MARKET_FUNDING_SHORTS_PREMIUM_BPS"),
        ({"MARKET_FUNDING_LOW_PERCENTILE": "95"}, "MARKET_FUNDING_LOW_PERCENTILE"),
        ({"MARKET_FUNDING_ZSCORE": "-1"}, "MARKET_FUNDING_ZSCORE"),
        ({"MARKET_POSITIONING_QUIET_OI_PCT": "few"}, "not a number"),
        ({"MARKET_SIGNAL_BOOK_IMBALANCE": "1.1"}, "MARKET_SIGNAL_BOOK_IMBALANCE"),
        ({"MARKET_SIGNAL_ALERTS": "price_jump,moon"}, "MARKET_SIGNAL_ALERTS names 'moon'"),
    ],
    ids=str,
)
def test_what_makes_no_sense_is_refused_by_name(
    tmp_path: Path, environment: dict[str, str], what: str
) -> None:
    with pytest.raises(SettingError, match=what):
        load(environment, tmp_path)


def test_symbols_are_restricted_in_their_order(tmp_path: Path) -> None:
    assert load({}, tmp_path).restricted(["B", "A"]) == ["B", "A"]
    assert load({"MARKET_SYMBOLS": "A,C"}, tmp_path).restricted(["C", "B", "A"]) == ["C", "A"]


def test_signals_that_are_posted_are_named_by_kind(tmp_path: Path) -> None:
    assert load({}, tmp_path).signal_alerts == ()
    chosen = {"MARKET_SIGNAL_ALERTS": " price_jump, Large_Trade,price_jump ,"}
    assert load(chosen, tmp_path).signal_alerts == ("price_jump", "large_trade")


def test_each_kind_of_signal_has_a_threshold_of_its_own_name(tmp_path: Path) -> None:
    assert tuple(field.name for field in fields(SignalThresholds)) == SIGNAL_KINDS
    for kind in SIGNAL_KINDS:
        moved = load({f"MARKET_SIGNAL_{kind.upper()}": "0.75"}, tmp_path).thresholds.signals
        assert getattr(moved, kind) == 0.75
