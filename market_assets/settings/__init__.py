"""Every variable that the project reads: its default, its meaning, checked once and frozen."""

from __future__ import annotations

from market_assets.settings.project import (
    ROOT,
    ROOT_VARIABLE,
    Settings,
    environment,
    known_secrets,
    load,
    log_format,
    log_level,
)
from market_assets.settings.values import SettingError
from market_assets.settings.variables import SECRETS, VARIABLES, env_example

__all__ = [
    "ROOT",
    "ROOT_VARIABLE",
    "SECRETS",
    "VARIABLES",
    "SettingError",
    "Settings",
    "env_example",
    "environment",
    "known_secrets",
    "load",
    "log_format",
    "log_level",
]
