"""Thresholds of regimes and pressures as settings: defaults, values, order."""

from __future__ import annotations

from pathlib import Path

import pytest

from market_assets.settings import load
from market_assets.settings.features import FeatureThresholds, variables
from market_assets.settings.values import SettingError


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
