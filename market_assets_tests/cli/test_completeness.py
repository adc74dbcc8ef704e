"""`market-assets completeness`: what it prints, and one clear line for what is wrong."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from market_assets.cli.main import main
from market_assets.storage.files.store import FileStore
from market_assets.tables import DATA_COMPLETENESS

COUNTED_AT = datetime(2026, 11, 20, 12, 41, tzinfo=UTC)
CANDLES = ("hyperliquid_candles", "1m")
FUNDING = ("hyperliquid_funding_rates", None)
ROWS = [
    (*CANDLES, "BTC", date(2026, 11, 19), 1440, 1440, 30, 0, 100.0, COUNTED_AT),
    (*CANDLES, "BTC", date(2026, 11, 20), 758, 379, 0, 100, 50.0, COUNTED_AT),
    (*CANDLES, "ETH", date(2026, 11, 19), 1440, 1439, 0, 1, 100 * 1439 / 1440, COUNTED_AT),
    (*FUNDING, "BTC", date(2026, 11, 20), 0, 2, 0, 0, None, COUNTED_AT),
]
Typed = Callable[..., tuple[int, str, str]]


@pytest.fixture
def typed(
    env: dict[str, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Typed:
    """`market-assets completeness …` in this process: exit code, output, errors."""

    def call(*arguments: str) -> tuple[int, str, str]:
        for name, value in env.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr(sys, "argv", ["market-assets", "completeness", *arguments])
        code: Any = 0
        try:
            main()
        except SystemExit as end:
            code = end.code or 0
        said = capsys.readouterr()
        return int(code), said.out, said.err

    return call


@pytest.fixture
def counted(env: dict[str, str]) -> None:
    """A published database with `ROWS`."""
    store = FileStore(Path(env["MARKET_DB"]))
    store.merge(DATA_COMPLETENESS, pl.DataFrame(ROWS, DATA_COMPLETENESS.schema, orient="row"))
    store.publish(force=True)


def cells(out: str) -> list[list[str]]:
    """The cells of each line below the head."""
    lines = [line.split() for line in out.splitlines() if line.strip()]
    return lines[2:]


@pytest.mark.usefixtures("counted")
def test_a_row_is_a_series_and_a_day_over_all_assets(typed: Typed) -> None:
    """99.97 % is not rounded to whole, and nothing expected has no share."""
    code, out, _ = typed()
    assert code == 0
    assert cells(out) == [
        ["hyperliquid_candles", "1m", "2026-11-19", "2,880", "2,879", "30", "1", "99.97"],
        ["hyperliquid_candles", "1m", "2026-11-20", "758", "379", "0", "100", "50.00"],
        ["hyperliquid_funding_rates", "2026-11-20", "0", "2", "0", "0"],
    ]


@pytest.mark.usefixtures("counted")
def test_options_leave_the_rest_out(typed: Typed) -> None:
    _, out, _ = typed("--symbol", "BTC", "--table", "hyperliquid_candles")
    assert cells(out) == [
        ["hyperliquid_candles", "1m", "BTC", "2026-11-19", "1,440", "1,440", "30", "0", "100"],
        ["hyperliquid_candles", "1m", "BTC", "2026-11-20", "758", "379", "0", "100", "50.00"],
    ]
    _, out, _ = typed("--since", "2026-11-20")
    assert [line[-6] for line in cells(out)] == ["2026-11-20", "hyperliquid_funding_rates"]
    code, out, _ = typed("--since", "2026-11-21")
    assert (code, out) == (0, "no day that was counted is among these\n")


@pytest.mark.usefixtures("counted")
def test_programs_get_the_rows_as_they_are(typed: Typed) -> None:
    code, out, _ = typed("--json")
    found = json.loads(out)
    assert code == 0
    assert [tuple(row) for row in found] == [DATA_COMPLETENESS.column_names] * 4
    assert found[0] == {
        "table_name": "hyperliquid_candles",
        "interval": "1m",
        "symbol": "BTC",
        "day": "2026-11-19",
        "expected_rows": 1440,
        "present_rows": 1440,
        "healed_rows": 30,
        "lost_rows": 0,
        "completeness_pct": 100.0,
        "updated_at": "2026-11-20T12:41:00+00:00",
    }
    assert (found[3]["interval"], found[3]["completeness_pct"]) == (None, None)
    _, out, _ = typed("--json", "--since", "2026-11-21")
    assert json.loads(out) == []


@pytest.mark.usefixtures("counted")
@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("--table", "polymarket_trades"), "hyperliquid_candles"),
        (("--symbol", "NOPE"), "nothing was counted of 'NOPE'"),
        (("--symbol", "NOPE", "--json"), "nothing was counted of 'NOPE'"),
        (("--since", "yesterday"), "'yesterday' is no day; write 2026-01-31"),
        (("--since", "2026-02-30"), "'2026-02-30' is no day"),
    ],
)
def test_what_cannot_be_asked_is_one_line(
    typed: Typed, arguments: tuple[str, ...], named: str
) -> None:
    code, out, err = typed(*arguments)
    assert (code, out) == (2, "")
    assert named in err
    assert err.count("\n") == 1


def test_before_the_first_count_it_says_what_counts(env: dict[str, str], typed: Typed) -> None:
    code, _, err = typed()
    assert code == 1
    assert "nothing has been published yet" in err
    FileStore(Path(env["MARKET_DB"])).publish(force=True)
    said = "nothing has been counted yet; the asset data_completeness does it every hour\n"
    assert typed() == typed("--symbol", "BTC") == (0, said, "")
    assert typed("--json") == (0, "[]\n", "")
