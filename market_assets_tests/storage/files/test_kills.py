"""Processes killed at any moment: nothing that was acknowledged is lost, nothing is doubled."""

from __future__ import annotations

import random
import threading
import time
from typing import TYPE_CHECKING

import pytest

from market_assets.storage.common.spool import Spool
from market_assets.storage.files.store import FileStore
from market_assets_tests.storage.examples import NOTES, PRICES, at, prices, symbols_in
from market_assets_tests.storage.processes import said, started

if TYPE_CHECKING:
    from pathlib import Path

LIMIT = 10**8

WRITER = """
import random, sys
from pathlib import Path
from market_assets.storage.common.spool import Spool
from market_assets.storage.files.store import FileStore
from market_assets_tests.storage.examples import NOTES, PRICES, at, notes, prices
store = FileStore(Path(sys.argv[1]), tables=(PRICES, NOTES))
spool = Spool(store.paths.folder / "spool", limit_bytes=10**8)
name, chance, turn = sys.argv[2], random.Random(sys.argv[2]), 0
while True:
    turn += 1
    symbols = [f"{name}-{turn}-{leg}" for leg in range(20)]
    if chance.random() < 0.6:
        spool.append(PRICES, prices([(symbol, 1.0, 1, at(turn)) for symbol in symbols]))
    else:
        store.merge(PRICES, prices([(symbol, 1.0, 1, at(turn)) for symbol in symbols]))
    print(" ".join(symbols), flush=True)
    action = chance.random()
    if action < 0.4:
        spool.drain(store)
    elif action < 0.5:
        store.publish(force=True)
    elif action < 0.55:
        store.compact(force=True)
    elif action < 0.6:
        store.replace(NOTES, notes([(f"n{turn}", name, None, None)]))
"""

SUICIDE = """
import importlib, os, sys
from pathlib import Path
from market_assets.storage.common.spool import Spool
from market_assets.storage.files.store import FileStore
from market_assets_tests.storage.examples import PRICES
module, _, name = sys.argv[2].rpartition(".")
owner = importlib.import_module("market_assets.storage." + module)
if name == "_remove":
    owner = owner.Spool
setattr(owner, name, lambda *args, **options: os.kill(os.getpid(), 9))
store = FileStore(Path(sys.argv[1]), tables=(PRICES,))
if sys.argv[3] == "drain":
    Spool(store.paths.folder / "spool", limit_bytes=10**8).drain(store)
elif sys.argv[3] == "prepare":
    store.prepare()
else:
    getattr(store, sys.argv[3])(force=True)
"""


def store_at(folder: Path) -> FileStore:
    return FileStore(folder / "market.duckdb", tables=(PRICES, NOTES))


def kill_writers(folder: Path, times: int, seed: int) -> None:
    """Kill a writer that often at random, while this process writes and reads too; then look."""
    chance = random.Random(seed)
    store = store_at(folder)
    store.prepare()
    stop = threading.Event()
    mine: list[str] = []

    def load() -> None:
        while not stop.is_set():
            symbol = f"mine-{len(mine)}"
            store.merge(PRICES, prices([(symbol, 1.0, 1, at(0))]))
            mine.append(symbol)
            store.read("select count(*) from prices")

    loader = threading.Thread(target=load)
    loader.start()
    acknowledged: list[str] = []
    try:
        for life in range(times):
            with started(WRITER, store.paths.published, f"w{life}") as writer:
                acknowledged += said(writer).split()
                time.sleep(chance.uniform(0, 0.4))
                writer.kill()
                output, _ = writer.communicate()
            # The last line may be cut by the kill; what is not printed whole is not acknowledged.
            acknowledged += " ".join(output.rpartition("\n")[0].split("\n")).split()
    finally:
        stop.set()
        loader.join(60)
    Spool(store.paths.folder / "spool", limit_bytes=LIMIT).drain(store)
    store.publish(force=True)
    present = symbols_in(store.paths.published)
    assert len(acknowledged) >= 20 * times
    assert mine
    assert sorted(set(present)) == present, "rows are doubled"
    assert set(acknowledged) | set(mine) <= set(present), "acknowledged rows are lost"
    store.compact(force=True)
    assert symbols_in(store.paths.live) == present


def test_killed_writers_lose_and_double_nothing(tmp_path: Path) -> None:
    """Each with SIGKILL at random moments, under load from another process."""
    kill_writers(tmp_path, times=4, seed=1)


@pytest.mark.soak
@pytest.mark.timeout(900)
@pytest.mark.parametrize("seed", range(3))
def test_many_killed_writers_lose_and_double_nothing(tmp_path: Path, seed: int) -> None:
    """The same, a hundred times in all and more."""
    kill_writers(tmp_path, times=40, seed=seed)


@pytest.mark.parametrize(
    ("victim", "action"),
    [
        ("common.spool._remove", "drain"),
        ("files.copying._run", "publish"),
        ("files.publish.settle", "publish"),
        ("files.publish._write", "publish"),
        ("files.compact.settle", "compact"),
        ("files.compact.connected", "compact"),
        ("files.prepare.settle", "prepare"),
    ],
)
def test_a_kill_at_the_worst_moment(tmp_path: Path, victim: str, action: str) -> None:
    """Between commit and unlink, between copy and rename: afterwards all is as it should be."""
    store = store_at(tmp_path)
    spool = Spool(store.paths.folder / "spool", limit_bytes=LIMIT)
    if action != "prepare":
        store.merge(PRICES, prices([("A", 1.0, 1, at(0))]))
        store.publish(force=True)
    for symbol in "BC":
        spool.append(PRICES, prices([(symbol, 1.0, 1, at(0))]))
        if action not in ("drain", "prepare"):
            spool.drain(store)
    with started(SUICIDE, store.paths.published, victim, action) as process:
        assert process.wait(60) == -9
    if action != "prepare":
        assert symbols_in(store.paths.published)[0] == "A"
    spool.drain(store)
    expected = ["B", "C"] if action == "prepare" else ["A", "B", "C"]
    assert store.read("select symbol from prices order by 1")["symbol"].to_list() == expected
    store.publish(force=True)
    store.compact(force=True)
    assert symbols_in(store.paths.published) == expected
    names = {path.name for folder in (tmp_path, store.paths.folder) for path in folder.iterdir()}
    assert not {name for name in names if name.startswith(".")}, "something half-made lies about"
