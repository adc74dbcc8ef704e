"""`export` as a user types it: what it writes, what it says, and what it refuses."""

from __future__ import annotations

import signal
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest

from market_assets.storage.files.store import FileStore
from market_assets.tables import HYPERLIQUID_CANDLES
from market_assets_tests.cli.commands import ROOT, Inside
from market_assets_tests.storage.examples import T0, candles

HALF_A_FILE = """
import os, signal, sys
from market_assets.exports import files
whole = files._WRITERS[".csv"]
def killed(frame, file):
    whole(frame, file)
    file.flush()
    os.kill(os.getpid(), signal.SIGKILL)
files._WRITERS[".csv"] = killed
from market_assets.cli.main import main
sys.argv = ["market-assets", "export", "candles", *sys.argv[1:]]
main()
"""
ASKED = ("--symbol", "BTC", "--interval", "1m")


@pytest.fixture(name="published")
def make_published(env: dict[str, str]) -> Path:
    """Three days of BTC's closed minutes, one in ten."""
    path = Path(env["MARKET_DB"])
    store = FileStore(path)
    every = candles(["BTC"], count=3 * 1440).with_columns(is_closed=pl.lit(value=True))
    store.merge(HYPERLIQUID_CANDLES, every.gather_every(10))
    store.publish(force=True)
    return path


@pytest.mark.usefixtures("published")
def test_a_span_is_written_in_each_format(inside: Inside, tmp_path: Path) -> None:
    reads = {"parquet": pl.read_parquet, "csv": pl.read_csv, "feather": pl.read_ipc}
    for suffix, read in reads.items():
        path = tmp_path / f"btc.{suffix}"
        span = ("--since", "2026-01-02", "--until", "2026-01-02")
        code, out, err = inside("export", "candles", *ASKED, *span, "--to", str(path))
        assert (code, err) == (0, "")
        assert out == (f"wrote 144 1m candles of BTC since 2026-01-02 until 2026-01-02 to {path}\n")
        found = read(path)
        assert found.height == 144
        assert found.columns[:6] == ["date", "open", "high", "low", "close", "volume"]
    assert pl.read_parquet(tmp_path / "btc.parquet")["date"].max() == T0 + timedelta(
        days=1, minutes=1430
    )


@pytest.mark.usefixtures("published")
@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["--symbol", "btc", "--interval", "1m"], 1, "no candles of 'btc' are published; did you"),
        (["--symbol", "BTC", "--interval", "7m"], 2, "'7m' is not one of '1m', '3m'"),
        (["--symbol", "BTC", "--interval", "1h"], 1, "no 1h candles of BTC are published; there"),
        (["--interval", "1m"], 2, "Missing option '--symbol'"),
        ([*ASKED, "--since", "2026-02-01"], 1, "no 1m candles of BTC since 2026-02-01: there are"),
        ([*ASKED, "--since", "yesterday"], 2, "'yesterday' does not match the format '%Y-%m-%d'"),
        (
            [*ASKED, "--since", "2026-01-03", "--until", "2026-01-02"],
            2,
            "--since 2026-01-03 is after --until 2026-01-02",
        ),
    ],
)
def test_what_cannot_be_exported_is_one_line(
    inside: Inside, tmp_path: Path, arguments: list[str], code: int, says: str
) -> None:
    path = tmp_path / "btc.csv"
    got, out, err = inside("export", "candles", *arguments, "--to", str(path))
    assert got == code
    assert says in err
    assert len(err.splitlines()) == 1
    assert out == ""
    assert not path.exists()


@pytest.mark.usefixtures("published")
@pytest.mark.parametrize(
    ("target", "says"),
    [
        ("btc.xlsx", "has to end with one of .parquet, .csv, .feather"),
        ("btc", "has to end with one of .parquet, .csv, .feather"),
        ("nowhere/btc.csv", "nowhere is missing"),
        ("a folder.csv", "is a directory"),
    ],
)
def test_a_file_that_cannot_be_written_is_refused(
    inside: Inside, tmp_path: Path, target: str, says: str
) -> None:
    (tmp_path / "a folder.csv").mkdir()
    code, _, err = inside("export", "candles", *ASKED, "--to", str(tmp_path / target))
    assert code == 2
    assert says in err
    assert len(err.splitlines()) == 1


def test_without_a_published_file_it_says_how_to_get_one(inside: Inside, tmp_path: Path) -> None:
    code, _, err = inside("export", "candles", *ASKED, "--to", str(tmp_path / "btc.csv"))
    assert code == 1
    assert "nothing has been published yet; `make run` does" in err


@pytest.mark.usefixtures("published")
def test_a_killed_export_leaves_the_file_as_it_was(env: dict[str, str], tmp_path: Path) -> None:
    """Killed with the whole new one written beside it."""
    path = tmp_path / "btc.csv"
    path.write_text("as it was", "utf-8")
    done = subprocess.run(
        [sys.executable, "-c", HALF_A_FILE, *ASKED, "--to", str(path)],
        env=env,
        cwd=ROOT,
        capture_output=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert path.read_text("utf-8") == "as it was"
