"""Every variable that the project reads, with its default, checked once and frozen.

`defs/`, `cli/` and `api/` call `load()` and pass plain values down; nothing else reads the
environment. Precedence: the shell, then `.env` at the top of the project, then (venue addresses
only) the simulated venues of a `make run` that is up, then the default. What says no more than the
default does counts as unset: a `.env` copied from `.env.example` changes nothing.

Not here: how a value is read (`values.py`, `dotenv_file.py`, `proxies.py`, `endpoints.py`);
cadences and freshness windows (`channels.py`), which no variable changes.
"""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

from market_assets import proxies, switches
from market_assets.machine_paths import machine_paths
from market_assets.project_files import CHECKOUT
from market_assets.proxies import Proxies, ProxyError
from market_assets.settings import dotenv_file, sources
from market_assets.settings import values as setting_values
from market_assets.settings.endpoints import read_endpoints
from market_assets.settings.environment import Environment
from market_assets.settings.features import (
    LEAST_RETENTION,
    FeatureThresholds,
    read,
    signal_alerts,
)
from market_assets.settings.values import SettingError
from market_assets.settings.variables import DEFAULTS, SECRETS, VARIABLES, env_example
from market_assets.tables import FOR_EVER, TABLES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from market_assets.machine_paths import MachinePaths
    from market_assets.settings.sources import DefillamaSettings, PolymarketSettings
    from market_assets.switches import Switches

__all__ = [
    "ROOT",
    "ROOT_VARIABLE",
    "SECRETS",
    "VARIABLES",
    "Settings",
    "env_example",
    "environment",
    "known_secrets",
    "load",
    "log_format",
    "log_level",
]

_LOG = logging.getLogger(__name__)
_HOUR: Final = timedelta(hours=1)

ROOT_VARIABLE: Final = "MARKET_ROOT"
"""Set by `run` for what it starts, in other folders than its own."""
ROOT: Final = CHECKOUT or Path(os.environ.get(ROOT_VARIABLE) or Path.cwd()).absolute()
"""The top of the project, where `.env` and, by default, `data/` are: the checkout, or the folder
in which a command of an installed package is typed."""


RETENTION_SETTINGS: Final = {
    rule.setting: rule.keep for table in TABLES for rule in table.retention
}
"""How long rows are kept by default, by setting."""
_LEAST_RETENTION: Final = {
    **LEAST_RETENTION,
    "MARKET_KEEP_CLOSED_MARKETS_HOURS": timedelta(days=10),
}
"""How long rows are kept at the least: others are computed from them."""

LOCAL_SYMBOLS: Final = ("BTC", "ETH", "SOL", "HYPE", "kPEPE", "PURR/USDC", "@107", "xyz:TSLA")
"""What the profile `local` is restricted to, as far as the exchange lists it."""

_SEVERITIES: Final[tuple[Literal["info", "warning", "error", "critical"], ...]] = (
    "info",
    "warning",
    "error",
    "critical",
)

LogLevel = Literal["debug", "info", "warning", "error"]
_LOG_LEVELS: Final[tuple[LogLevel, ...]] = ("debug", "info", "warning", "error")


@dataclass(frozen=True)
class Settings:
    """The project's configuration; see `VARIABLES` for what each value means."""

    market_db: Path
    dagster_home: Path
    profile: Literal["full", "local"]
    symbols: tuple[str, ...]
    sources: Switches
    hyperliquid_api_url: str
    hyperliquid_ws_url: str
    polymarket_gamma_url: str
    polymarket_data_url: str
    polymarket_clob_url: str
    polymarket_ws_url: str
    defillama_api_url: str
    defillama_stablecoins_url: str
    defillama_coins_url: str
    alert_webhook_url: str = field(repr=False)
    alert_runbook_url: str
    alert_min_severity: Literal["info", "warning", "error", "critical"]
    alert_reminder: timedelta
    log_format: Literal["text", "json"]
    log_level: LogLevel | None
    proxies: Proxies = field(repr=False)
    upstream: Literal["live", "simulated"]
    wanted_upstream: Literal["live", "simulated"]
    secrets: tuple[str, ...] = field(repr=False)
    api_token: str = field(repr=False)
    run_launcher: Literal["warm", "default"]
    ui_port: int
    simulator_port: int
    flush_interval: timedelta
    session_length: timedelta
    subscriptions: int
    weight_share: float
    lock_wait: timedelta
    spool_limit_bytes: int
    publish_bytes_per_second: float
    archive: Path | None
    archive_limit_bytes: int
    retention: Mapping[str, timedelta]
    keep_minute_runs: timedelta
    keep_runs: timedelta
    keep_failed_runs: timedelta
    thresholds: FeatureThresholds
    signal_alerts: tuple[str, ...]
    polymarket: PolymarketSettings
    defillama: DefillamaSettings

    @property
    def service_log_level(self) -> LogLevel:
        """From which level on Dagster's own services log: at `info` they tell of every tick."""
        return "warning" if self.log_level in (None, "info") else self.log_level

    @property
    def wanted_symbols(self) -> tuple[str, ...]:
        """Symbols to restrict to; empty: all."""
        if self.symbols:
            return self.symbols
        return LOCAL_SYMBOLS if self.profile == "local" else ()

    def restricted(self, symbols: Sequence[str]) -> list[str]:
        """Those of the symbols that the settings want, in the same order."""
        wanted = set(self.wanted_symbols)
        return [symbol for symbol in symbols if not wanted or symbol in wanted]

    @property
    def machine(self) -> MachinePaths:
        """Locks, spools, budgets and small files of this machine."""
        return machine_paths(self.market_db)


def environment(environ: Mapping[str, str] | None = None, root: Path = ROOT) -> dict[str, str]:
    """The variables in force: the shell's, then those of `.env`; an empty one counts as unset.

    Raises:
        SettingError: `.env` cannot be read; names it.
    """
    return _read(environ, root).variables()


def known_secrets(environ: Mapping[str, str] | None = None, root: Path = ROOT) -> tuple[str, ...]:
    """Every value that no log may show: needed before everything else is checked.

    Raises:
        SettingError: `.env` cannot be read; names it.
    """
    return _read(environ, root).secrets()


def _read(environ: Mapping[str, str] | None, root: Path) -> Environment:
    shell = dict(os.environ if environ is None else environ)
    return Environment(shell, dotenv_file.read(root / ".env"))


def load(
    environ: Mapping[str, str] | None = None, root: Path = ROOT, *, joins: bool = True
) -> Settings:
    """Read and check the settings.

    Args:
        environ: the environment to read; by default the process's own.
        root: the top of the project, where `.env` is and against which defaults are resolved.
        joins: talk to the venues that a running `make run` simulates; False for that one itself.

    Raises:
        SettingError: a variable cannot be used; the message names it and what it may be.
    """
    said = _read(environ, root)
    env, defaults = said.variables(), DEFAULTS
    market_db = setting_values.path(env, defaults, "MARKET_DB", root)
    smaller = sources.LOCAL if env.get("MARKET_PROFILE") == "local" else {}
    addresses = {name for name in defaults if name.endswith("_URL")}
    found = read_endpoints(market_db) if joins else {}
    simulated = {name: value for name, value in found.items() if name in addresses}
    # An address that is the default's says nothing, wherever it stands.
    ours = {n: v for n, v in env.items() if not (n in addresses and v == defaults[n])}
    values = {**defaults, **smaller, **simulated, **ours}
    if values["MARKET_PROFILE"] not in ("full", "local"):
        raise SettingError(f"MARKET_PROFILE is {values['MARKET_PROFILE']!r}; full or local")
    is_simulated = bool(simulated) or _is_simulated(values)
    if values["UPSTREAM"] not in ("live", "simulated"):
        raise SettingError(f"UPSTREAM is {values['UPSTREAM']!r}; it may be simulated or live")
    severity = next((one for one in _SEVERITIES if one == values["ALERT_MIN_SEVERITY"]), None)
    if severity is None:
        raise SettingError(
            f"ALERT_MIN_SEVERITY is {values['ALERT_MIN_SEVERITY']!r}; one of {_SEVERITIES}"
        )
    url = partial(setting_values.url, values)
    number = partial(setting_values.number, values)
    hours = partial(setting_values.hours, values)
    names = partial(setting_values.names, values)
    thresholds = read(number)
    if disorder := thresholds.disorder():
        raise SettingError(disorder)
    return Settings(
        market_db=market_db,
        dagster_home=setting_values.path(env, defaults, "DAGSTER_HOME", root),
        profile="local" if values["MARKET_PROFILE"] == "local" else "full",
        symbols=names("MARKET_SYMBOLS"),
        sources=sources.switched(
            names(switches.VARIABLE) if env.get(switches.VARIABLE, "").strip() else None,
            configured=lambda name: bool(env.get(name, "").strip()),
            simulated=is_simulated or values["UPSTREAM"] == "simulated",
            polled=sources.polled(values[sources.BOOKS_STREAM]),
        ),
        hyperliquid_api_url=url("HYPERLIQUID_API_URL", "http"),
        hyperliquid_ws_url=url("HYPERLIQUID_WS_URL", "ws"),
        polymarket_gamma_url=url("POLYMARKET_GAMMA_URL", "http"),
        polymarket_data_url=url("POLYMARKET_DATA_URL", "http"),
        polymarket_clob_url=url("POLYMARKET_CLOB_URL", "http"),
        polymarket_ws_url=url("POLYMARKET_WS_URL", "ws"),
        defillama_api_url=url("DEFILLAMA_API_URL", "http"),
        defillama_stablecoins_url=url("DEFILLAMA_STABLECOINS_URL", "http"),
        defillama_coins_url=url("DEFILLAMA_COINS_URL", "http"),
        alert_webhook_url=setting_values.secret_url(values, "ALERT_WEBHOOK_URL"),
        alert_runbook_url=(url("ALERT_RUNBOOK_URL", "http") if values["ALERT_RUNBOOK_URL"] else ""),
        alert_min_severity=severity,
        alert_reminder=hours("MARKET_ALERT_REMINDER_HOURS"),
        log_format=log_format(values),
        log_level=log_level(values),
        proxies=_proxies(said, [values[name] for name in addresses] if is_simulated else []),
        wanted_upstream="simulated" if values["UPSTREAM"] == "simulated" else "live",
        upstream="simulated" if is_simulated else "live",
        secrets=said.secrets(),
        api_token=setting_values.token(values, "MARKET_API_TOKEN"),
        run_launcher=run_launcher(values),
        ui_port=int(number("MARKET_UI_PORT", 1, 65535)),
        simulator_port=int(number("MARKET_SIMULATOR_PORT", 1, 65535)),
        flush_interval=timedelta(seconds=number("MARKET_FLUSH_SECONDS", 0.1, 60)),
        session_length=timedelta(hours=number("MARKET_SESSION_HOURS", 0.005, 24 * 7)),
        subscriptions=int(number("MARKET_SUBSCRIPTIONS", 1, 1000)),
        weight_share=number("MARKET_WEIGHT_SHARE", 0.15, 0.8),
        lock_wait=timedelta(seconds=number("MARKET_LOCK_WAIT_SECONDS", 1, 3600)),
        spool_limit_bytes=int(number("MARKET_SPOOL_LIMIT_MB", 1, 1e7) * 1e6),
        publish_bytes_per_second=number("MARKET_PUBLISH_MB_PER_SECOND", 0.01, 1e5) * 1e6,
        archive=_archive(env, market_db, root),
        archive_limit_bytes=int(number("MARKET_ARCHIVE_LIMIT_GB", 0, 1e6) * 1e9),
        retention={
            name: FOR_EVER
            if default == FOR_EVER and number(name, 0, 24 * 3660) == 0
            else _kept(name, hours(name))
            for name, default in RETENTION_SETTINGS.items()
        },
        keep_minute_runs=hours("MARKET_KEEP_MINUTE_RUNS_HOURS"),
        keep_runs=hours("MARKET_KEEP_RUNS_HOURS"),
        keep_failed_runs=hours("MARKET_KEEP_FAILED_RUNS_HOURS"),
        thresholds=thresholds,
        signal_alerts=signal_alerts(names),
        polymarket=sources.polymarket(number, names),
        defillama=sources.defillama(number, names),
    )


def log_format(values: Mapping[str, str]) -> Literal["text", "json"]:
    """How log lines look, from `environment()`: needed before everything else is checked.

    Raises:
        SettingError: LOG_FORMAT is something else.
    """
    said = values.get("LOG_FORMAT") or "text"
    if said not in ("text", "json"):
        raise SettingError(f"LOG_FORMAT is {said!r}; text or json")
    return "json" if said == "json" else "text"


def run_launcher(values: Mapping[str, str]) -> Literal["warm", "default"]:
    """What starts the process of a run.

    Raises:
        SettingError: MARKET_RUN_LAUNCHER is something else.
    """
    said = values["MARKET_RUN_LAUNCHER"]
    if said not in ("warm", "default"):
        raise SettingError(f"MARKET_RUN_LAUNCHER is {said!r}; warm or default")
    return "default" if said == "default" else "warm"


def log_level(values: Mapping[str, str]) -> LogLevel | None:
    """From which level on lines are logged, from `environment()`; None: nobody has said.

    Raises:
        SettingError: LOG_LEVEL is something else.
    """
    said = values.get("LOG_LEVEL", "").strip().lower()
    found = next((one for one in _LOG_LEVELS if one == said), None)
    if said and found is None:
        raise SettingError(f"LOG_LEVEL is {said!r}; {', '.join(_LOG_LEVELS[:-1])} or error")
    return found


def _kept(name: str, said: timedelta) -> timedelta:
    """A retention as it is in force: no shorter than what other rows are computed from."""
    least = _LEAST_RETENTION.get(name, said)
    if said >= least:
        return said
    _tell(
        f"{name} is {said / _HOUR:g}: other rows are computed from {least / _HOUR:g} hours,"
        f" so that is how long these are kept"
    )
    return least


@cache
def _tell(line: str) -> None:
    """Say it once in a process, however often the settings are read."""
    _LOG.warning("%s", line)


def _proxies(said: Environment, simulated: Sequence[str]) -> Proxies:
    """The proxies in force; none of them leads to simulated venues, which are on this machine."""
    try:
        return proxies.parse(said.proxies()).without(simulated)
    except ProxyError as error:
        raise SettingError(str(error)) from None


def _is_simulated(values: Mapping[str, str]) -> bool:
    """Whether a shell was told of simulated venues: that they are wanted, and where they are."""
    main = ("HYPERLIQUID_API_URL", "POLYMARKET_GAMMA_URL", "DEFILLAMA_API_URL")
    return values["UPSTREAM"] == "simulated" and all(values[n] != DEFAULTS[n] for n in main)


def _archive(env: Mapping[str, str], market_db: Path, root: Path) -> Path | None:
    """Where the archive is: beside the database, unless another folder is named."""
    name = "MARKET_ARCHIVE"
    named = env.get(name, DEFAULTS[name])
    if named == "off":
        return None
    if named == DEFAULTS[name]:
        return market_db.parent / "archive"
    return setting_values.path(env, DEFAULTS, name, root)
