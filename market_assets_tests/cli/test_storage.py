"""`publish`, `maintain`, `spool` and the health commands, when rows do not reach their readers."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from market_assets.storage.common.spool import Spool
from market_assets.storage.files import copying
from market_assets.storage.files.store import FileStore
from market_assets.tables import HYPERLIQUID_CANDLES
from market_assets_tests.cli.conftest import typed_here
from market_assets_tests.storage.examples import candles

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Type = Callable[..., tuple[int, str, str]]

FAILS = ("sh", "-c", 'echo "cp: No space left on device" >&2; exit 1')


@pytest.fixture(name="store")
def make_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FileStore:
    """The database that the commands find, with a row of candles."""
    monkeypatch.setenv("MARKET_DB", str(tmp_path / "market.duckdb"))
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "dagster"))
    store = FileStore(tmp_path / "market.duckdb")
    store.merge(HYPERLIQUID_CANDLES, candles(["BTC"]))
    return store


@pytest.fixture(name="type_")
def make_type(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Type:
    """A command, typed: exit code, output, complaints."""

    def call(*arguments: str) -> tuple[int, str, str]:
        return typed_here(arguments, monkeypatch, capsys)

    return call


@pytest.mark.usefixtures("store")
def test_a_copy_that_fails_is_told_by_every_command(
    type_: Type, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit code 1 and one line; afterwards `status` and `check` say so too, until it is mended."""
    with monkeypatch.context() as patch:
        patch.setattr(copying, "_CLONE", FAILS)
        patch.setattr(copying, "_COPY", FAILS)
        code, out, err = type_("publish")
        assert (code, out) == (1, "")
        assert "No space left on device" in err
        code, out, err = type_("maintain")
        assert code == 1
        assert "rolled up" in out
        assert "what was written is in" in err
        assert "and not published: " in err
        assert err.strip().count("\n") == 0
    code, out, _ = type_("check")
    assert code == 1
    assert "storage/published is failed: " in out
    assert "No space left on device" in out
    assert type_("publish")[0] == 0
    assert "storage/published" not in type_("check")[1]
    rows = {
        f"{r['source']}/{r['channel']}": r for r in json.loads(type_("status", "--json")[1])["rows"]
    }
    assert rows["storage/published"]["status"] == "ok"
    assert rows["storage/spool"]["status"] == "ok"


def test_segments_that_stand_apart_are_listed_and_tried_again(
    store: FileStore, type_: Type
) -> None:
    """A damaged file that is mended goes into its table; one that is not is named, with 1."""
    spool = Spool(store.paths.folder / "spool", limit_bytes=10**6)
    damaged = spool.append(HYPERLIQUID_CANDLES, candles(["ETH"]))
    whole = damaged.read_bytes()
    damaged.write_bytes(whole[:-1])
    spool.append(HYPERLIQUID_CANDLES, candles(["SOL"]))
    code, out, _ = type_("spool", "list")
    assert (code, out.startswith("2 files (")) == (0, True)
    spool.drain(store)
    code, out, _ = type_("spool", "list")
    assert out.startswith("0 files (0 bytes) wait to be drained\n")
    assert f"{damaged.name}.bad: set aside of hyperliquid_candles" in out
    assert "not those that were written" in out
    code, out, err = type_("spool", "retry")
    assert (code, out) == (1, "")
    assert "set aside" in err
    damaged.with_name(damaged.name + ".bad").write_bytes(whole)
    code, out, err = type_("spool", "retry")
    assert (code, out, err) == (0, "hyperliquid_candles: 1 rows\n", "")
    assert store.read("select symbol from hyperliquid_candles order by 1")["symbol"].to_list() == [
        "BTC",
        "ETH",
        "SOL",
    ]
