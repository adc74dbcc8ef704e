"""Every variable that the project reads, with its default, checked once and frozen.

`defs/`, `cli/` and `api/` call `load()` and pass plain values down; nothing else reads the
environment. Precedence: the shell, then `.env` at the top of the project, then (venue addresses
only) the simulated venues of a `make run` that is up, then the default.

Not here: how a value is read (`setting_values.py`); cadences and freshness windows (`channels.py`),
which no variable changes.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

from market_assets import setting_values, source_settings
from market_assets.feature_settings import FeatureThresholds, read, variables
from market_assets.setting_values import SettingError
from market_assets.tables import TABLES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from market_assets.source_settings import DefillamaSettings, PolymarketSettings

_CHECKOUT: Final = Path(__file__).resolve().parent.parent
ROOT: Final = _CHECKOUT if (_CHECKOUT / "pyproject.toml").is_file() else Path.cwd()
"""The top of the project: where `.env`, `dagster.yaml` and, by default, `data/` are."""


@dataclass(frozen=True)
class Variable:
    """One environment variable: its default as text, and what it means."""

    name: str
    default: str
    doc: str


VARIABLES: Final[tuple[Variable, ...]] = (
    Variable("MARKET_DB", "data/market.duckdb", "the published database; open it read-only"),
    Variable("DAGSTER_HOME", "data/dagster", "Dagster's instance: runs, events, schedules"),
    Variable("MARKET_PROFILE", "full", "full, or local: 8 symbols and few pages, for a laptop"),
    Variable("MARKET_SYMBOLS", "", "comma-separated Hyperliquid symbols to restrict to"),
    Variable("HYPERLIQUID_API_URL", "https://api.hyperliquid.xyz", "Hyperliquid over HTTP"),
    Variable("HYPERLIQUID_WS_URL", "wss://api.hyperliquid.xyz/ws", "Hyperliquid over WebSocket"),
    Variable("POLYMARKET_GAMMA_URL", "https://gamma-api.polymarket.com", "Polymarket's catalogue"),
    Variable("POLYMARKET_DATA_URL", "https://data-api.polymarket.com", "Polymarket's trades"),
    Variable("POLYMARKET_CLOB_URL", "https://clob.polymarket.com", "Polymarket's books"),
    Variable(
        "POLYMARKET_WS_URL",
        "wss://ws-subscriptions-clob.polymarket.com/ws/market",
        "Polymarket's book stream",
    ),
    Variable("DEFILLAMA_API_URL", "https://api.llama.fi", "DefiLlama: TVL, fees, volumes"),
    Variable("DEFILLAMA_STABLECOINS_URL", "https://stablecoins.llama.fi", "DefiLlama: stablecoins"),
    Variable("DEFILLAMA_COINS_URL", "https://coins.llama.fi", "DefiLlama: coin prices"),
    Variable("ALERT_WEBHOOK_URL", "", "where alerts are posted; empty: nowhere"),
    Variable("ALERT_MIN_SEVERITY", "warning", "info, warning, error or critical"),
    Variable("MARKET_ALERT_REMINDER_HOURS", "6", "how long an open incident is not told of again"),
    Variable("LOG_FORMAT", "text", "text, or json: a JSON object per line on stderr"),
    Variable("MARKET_API_TOKEN", "", "bearer token of the read API; empty: loopback only"),
    Variable(
        "MARKET_RUN_LAUNCHER",
        "warm",
        "warm: runs are forked from a loaded process (Linux); default: Dagster's own launcher",
    ),
    Variable("MARKET_UI_PORT", "3000", "port of Dagster's UI under make run"),
    Variable("MARKET_SIMULATOR_PORT", "8787", "port of the simulated venues"),
    Variable("MARKET_FLUSH_SECONDS", "5", "how often the stream writes"),
    Variable("MARKET_SESSION_HOURS", "8", "how long one stream session lasts before handover"),
    Variable(
        "MARKET_SUBSCRIPTIONS", "980", "WebSocket subscriptions in all; the venue allows 1000"
    ),
    Variable("MARKET_WEIGHT_SHARE", "0.8", "share of the venue's request weight that is used"),
    Variable("MARKET_LOCK_WAIT_SECONDS", "60", "how long to wait for the live database"),
    Variable("MARKET_SPOOL_LIMIT_MB", "2048", "how much may wait on disk for a locked database"),
    Variable("MARKET_PUBLISH_MB_PER_SECOND", "1", "bytes that publishing may copy, on average"),
    Variable("MARKET_KEEP_MIDS_HOURS", "0.5", "retention of mid prices"),
    Variable("MARKET_KEEP_CANDLES_1M_HOURS", "24", "retention of 1-minute candles"),
    Variable("MARKET_KEEP_CANDLES_1H_HOURS", "168", "retention of 1-hour candles"),
    Variable("MARKET_KEEP_CONTEXTS_HOURS", "168", "retention of asset contexts"),
    Variable("MARKET_KEEP_FUNDING_RATES_HOURS", "2160", "retention of funding rates"),
    Variable("MARKET_KEEP_TECHNICAL_INDICATORS_HOURS", "168", "retention of technical indicators"),
    Variable("MARKET_KEEP_VOLATILITY_PROFILES_HOURS", "168", "retention of volatility profiles"),
    Variable("MARKET_KEEP_FUNDING_PRESSURE_HOURS", "168", "retention of funding pressure"),
    Variable("MARKET_KEEP_LIQUIDITY_PROFILES_HOURS", "168", "retention of liquidity profiles"),
    Variable("MARKET_KEEP_POSITIONING_PRESSURE_HOURS", "168", "retention of positioning pressure"),
    Variable("MARKET_KEEP_IMMEDIATE_MARKETS_HOURS", "168", "retention of immediate markets"),
    Variable("MARKET_KEEP_LATER_MARKETS_HOURS", "168", "retention of later markets"),
    Variable("MARKET_KEEP_MARKET_METRICS_HOURS", "720", "retention of market metrics"),
    Variable("MARKET_KEEP_INGESTION_RUNS_HOURS", "720", "retention of ingestion_runs"),
    Variable("MARKET_KEEP_GAPS_HOURS", "168", "retention of ingestion_gaps"),
    Variable("MARKET_KEEP_MINUTE_RUNS_HOURS", "6", "Dagster's history: runs of minute cadence"),
    Variable("MARKET_KEEP_RUNS_HOURS", "72", "Dagster's history: other successful runs"),
    Variable("MARKET_KEEP_FAILED_RUNS_HOURS", "720", "Dagster's history: failed runs"),
    *(Variable(*one) for one in source_settings.VARIABLES),
    *(Variable(*one) for one in variables()),
)

RETENTION_SETTINGS: Final = tuple(rule.setting for table in TABLES for rule in table.retention)
"""The variables that say how long a table's rows are kept, in hours."""

LOCAL_SYMBOLS: Final = ("BTC", "ETH", "SOL", "HYPE", "kPEPE", "PURR/USDC", "@107", "xyz:TSLA")
"""What the profile `local` is restricted to, as far as the exchange lists it."""

_SEVERITIES: Final[tuple[Literal["info", "warning", "error", "critical"], ...]] = (
    "info",
    "warning",
    "error",
    "critical",
)

SECRETS: Final = ("ALERT_WEBHOOK_URL", "MARKET_API_TOKEN")
"""The variables whose values are never shown; `Settings.secrets` are those values."""


@dataclass(frozen=True)
class Settings:
    """The project's configuration; see `VARIABLES` for what each value means."""

    market_db: Path
    dagster_home: Path
    profile: Literal["full", "local"]
    symbols: tuple[str, ...]
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
    alert_min_severity: Literal["info", "warning", "error", "critical"]
    alert_reminder: timedelta
    log_format: Literal["text", "json"]
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
    retention: Mapping[str, timedelta]
    keep_minute_runs: timedelta
    keep_runs: timedelta
    keep_failed_runs: timedelta
    thresholds: FeatureThresholds
    polymarket: PolymarketSettings
    defillama: DefillamaSettings

    @property
    def secrets(self) -> tuple[str, ...]:
        """Values that are never shown."""
        return tuple(filter(None, (self.alert_webhook_url, self.api_token)))

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
    def state_dir(self) -> Path:
        """The project's own folder beside the published database: live file, locks, spool."""
        return self.market_db.parent / "live"


def endpoints_file(market_db: Path) -> Path:
    """Where a `make run` with simulated venues says how to reach them, while it is up."""
    return market_db.parent / "live" / "endpoints.json"


def environment(environ: Mapping[str, str] | None = None, root: Path = ROOT) -> dict[str, str]:
    """The variables in force: the shell's, then those of `.env`; an empty one counts as unset."""
    from dotenv import dotenv_values  # noqa: PLC0415 - only where settings are loaded

    shell = dict(os.environ if environ is None else environ)
    file = dotenv_values(root / ".env") if (root / ".env").is_file() else {}
    known = {variable.name for variable in VARIABLES}
    merged = {name: value for name, value in file.items() if value and name in known}
    merged.update({name: value for name, value in shell.items() if value.strip()})
    return merged


def load(environ: Mapping[str, str] | None = None, root: Path = ROOT) -> Settings:
    """Read and check the settings.

    Args:
        environ: the environment to read; by default the process's own.
        root: the top of the project, where `.env` is and against which defaults are resolved.

    Raises:
        SettingError: a variable cannot be used; the message names it and what it may be.
    """
    env = environment(environ, root)
    defaults = {variable.name: variable.default for variable in VARIABLES}
    market_db = setting_values.path(env, defaults, "MARKET_DB", root)
    smaller = source_settings.LOCAL if env.get("MARKET_PROFILE") == "local" else {}
    values = {**defaults, **smaller, **_simulated_endpoints(market_db), **env}
    if values["MARKET_PROFILE"] not in ("full", "local"):
        raise SettingError(f"MARKET_PROFILE is {values['MARKET_PROFILE']!r}; full or local")
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
        alert_min_severity=severity,
        alert_reminder=hours("MARKET_ALERT_REMINDER_HOURS"),
        log_format=log_format(values),
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
        retention={name: hours(name) for name in RETENTION_SETTINGS},
        keep_minute_runs=hours("MARKET_KEEP_MINUTE_RUNS_HOURS"),
        keep_runs=hours("MARKET_KEEP_RUNS_HOURS"),
        keep_failed_runs=hours("MARKET_KEEP_FAILED_RUNS_HOURS"),
        thresholds=thresholds,
        polymarket=source_settings.polymarket(number, names),
        defillama=source_settings.defillama(number, names),
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


def env_example() -> str:
    """The text of `.env.example`: every variable with its default; a shell's value wins."""
    lines = [
        "# Copy to .env. A variable that the shell sets wins over this file.",
        "# Relative paths are taken from the top of the project; DAGSTER_HOME is absolute here,",
        "# because Dagster's own commands read it too: `make setup` writes that line.",
    ]
    for variable in VARIABLES:
        if variable.name == "DAGSTER_HOME":
            lines += ["", f"# {variable.doc}", f"# DAGSTER_HOME={variable.default}"]
            continue
        lines += [
            "",
            f"# {variable.doc}",
            f"{variable.name}=${{{variable.name}:-{variable.default}}}",
        ]
    return "\n".join(lines) + "\n"


def _simulated_endpoints(market_db: Path) -> dict[str, str]:
    """The addresses of the simulated venues that fill this database now, if any do.

    So a command in a second shell talks to the same venues as the running system, and real rows
    never mix with simulated ones.
    """
    try:
        said = json.loads(endpoints_file(market_db).read_bytes())
        os.kill(int(said["pid"]), 0)
    except (OSError, ValueError, KeyError, TypeError):
        return {}
    known = {variable.name for variable in VARIABLES if variable.name.endswith("_URL")}
    return {name: str(url) for name, url in said["environment"].items() if name in known}
