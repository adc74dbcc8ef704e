"""The environment variables of the project: name, default and meaning.

Not here: how they are read and checked (`settings.py`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from market_assets import switches
from market_assets.settings import sources
from market_assets.settings.features import SIGNAL_ALERTS, variables


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
    Variable("UPSTREAM", "live", "live, or simulated: make run brings venues of its own"),
    Variable(
        switches.VARIABLE,
        ",".join(switches.DEFAULT),
        "the sources that are on; unless it is set, UPSTREAM=simulated turns all of them on",
    ),
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
    Variable(
        "ALERT_RUNBOOK_URL",
        "",
        "where docs/runbook.md is published; alerts link to its headings (empty: name the file)",
    ),
    Variable("ALERT_MIN_SEVERITY", "warning", "info, warning, error or critical"),
    Variable("MARKET_ALERT_REMINDER_HOURS", "6", "how long an open incident is not told of again"),
    Variable("LOG_FORMAT", "text", "text, or json: a JSON object per line"),
    Variable(
        "LOG_LEVEL",
        "",
        "debug, info, warning or error; empty: info in logs, warning on a terminal",
    ),
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
    Variable(
        "MARKET_ARCHIVE",
        "data/archive",
        "Parquet folder of rows past their retention; off: nowhere; default: beside MARKET_DB",
    ),
    Variable("MARKET_ARCHIVE_LIMIT_GB", "0", "size at which its oldest day goes; 0: none"),
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
    Variable("MARKET_KEEP_CANDLE_AUDITS_HOURS", "2160", "retention of audits of candles"),
    Variable("MARKET_KEEP_MARKET_METRICS_HOURS", "720", "retention of market metrics"),
    Variable("MARKET_KEEP_BOOK_TOPS_HOURS", "168", "retention of the tops of Polymarket's books"),
    Variable("MARKET_KEEP_SIGNAL_EVENTS_HOURS", "720", "retention of Polymarket's signals"),
    Variable(
        "MARKET_KEEP_CLOSED_MARKETS_HOURS",
        "0",
        "retention of closed markets and events; 0: for ever",
    ),
    Variable(
        "MARKET_KEEP_POLYMARKET_TRADES_HOURS", "0", "retention of Polymarket's trades; 0: for ever"
    ),
    Variable("MARKET_KEEP_CAPITAL_BASE_HOURS", "0", "retention of capital base; 0: for ever"),
    Variable("MARKET_KEEP_CAPITAL_FLOWS_HOURS", "0", "retention of capital flows; 0: for ever"),
    Variable("MARKET_KEEP_ECONOMIC_THROUGHPUT_HOURS", "0", "retention of throughput; 0: for ever"),
    Variable("MARKET_KEEP_INGESTION_RUNS_HOURS", "720", "retention of ingestion_runs"),
    Variable("MARKET_KEEP_GAPS_HOURS", "168", "retention of ingestion_gaps"),
    Variable("MARKET_KEEP_MINUTE_RUNS_HOURS", "6", "Dagster's history: runs of minute cadence"),
    Variable("MARKET_KEEP_RUNS_HOURS", "72", "Dagster's history: other successful runs"),
    Variable("MARKET_KEEP_FAILED_RUNS_HOURS", "720", "Dagster's history: failed runs"),
    *(Variable(*one) for one in sources.VARIABLES),
    *(Variable(*one) for one in variables()),
    Variable(SIGNAL_ALERTS, "", "comma-separated kinds of signals that are posted as alerts"),
)


DEFAULTS: Final = {variable.name: variable.default for variable in VARIABLES}
"""Default by name."""

SECRETS: Final = ("ALERT_WEBHOOK_URL", "MARKET_API_TOKEN")
"""Those whose values are never shown; so are the users of proxies."""

_PROXIES: Final = (
    ("HTTPS_PROXY", "http://user:password@host:port"),
    ("HTTP_PROXY", "http://host:port"),
    ("ALL_PROXY", "socks5://host:port"),
    ("NO_PROXY", "localhost,127.0.0.1,[::1],10.0.0.0/8"),
)
"""Read by `proxies.py`; an example of each."""


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
    lines += ["", "# Proxies, as most programs read them; small letters win. SOCKS too: socks5://…"]
    lines += [f"# {name}={value}" for name, value in _PROXIES]
    return "\n".join(lines) + "\n"
