"""Disks that take no more: a clear error, and everything that was acknowledged is still there."""

from __future__ import annotations

import os
import re
import subprocess
from typing import TYPE_CHECKING

import pytest

from market_assets.storage.common.errors import StoreUnwritable
from market_assets.storage.common.spool import Spool
from market_assets.storage.files.store import FileStore
from market_assets_tests.storage.examples import PRICES, at, many_prices, prices
from market_assets_tests.storage.processes import run

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

LIMIT = 10**8
ROWS = 3000

LIMITED = """
import resource, sys
from pathlib import Path
from market_assets.storage.common.errors import StoreUnwritable
from market_assets.storage.common.spool import Spool
from market_assets.storage.files.store import FileStore
from market_assets_tests.storage.examples import PRICES, many_prices
store = FileStore(Path(sys.argv[1]), tables=(PRICES,))
store.prepare()
spool = Spool(store.paths.folder / "spool", limit_bytes=10**9)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]),) * 2)
for turn in range(1000):
    try:
        if sys.argv[3] == "store":
            store.merge(PRICES, many_prices(3000, turn))
        else:
            spool.append(PRICES, many_prices(2**turn, turn))
    except StoreUnwritable as error:
        print(turn, error)
        break
"""


def count(store: FileStore) -> int:
    return int(store.read("select count(*) as n from prices")["n"].item())


def until_refused(action: Callable[[int], object]) -> tuple[int, str]:
    """How often it worked before it was refused, and what was said then."""
    for turn in range(1000):
        try:
            action(turn)
        except StoreUnwritable as error:
            return turn, str(error)
    pytest.fail("never refused")


def test_a_database_that_may_not_grow(tmp_path: Path) -> None:
    """The system refuses the bytes; with room again, it goes on."""
    output = run(LIMITED, tmp_path / "market.duckdb", 1_500_000, "store")
    turns, _, error = output.strip().partition(" ")
    assert re.match(rf"{tmp_path}/live is full: .*File too large$", error)
    store = FileStore(tmp_path / "market.duckdb", tables=(PRICES,))
    assert count(store) == ROWS * int(turns) > 0
    assert store.merge(PRICES, prices([("A", 1.0, 1, at(0))])).inserted == 1


def test_a_spool_that_may_not_grow(tmp_path: Path) -> None:
    """The segment is refused, those before it are drained later."""
    output = run(LIMITED, tmp_path / "market.duckdb", 4_000, "spool")
    turns, _, error = output.strip().partition(" ")
    assert error == f"{tmp_path}/live/spool cannot be written: File too large"
    store = FileStore(tmp_path / "market.duckdb", tables=(PRICES,))
    drained = Spool(store.paths.folder / "spool", limit_bytes=LIMIT).drain(store)
    assert drained.segments == int(turns) > 0
    assert count(store) == 2 ** int(turns) - 1
    assert not list((store.paths.folder / "spool").glob(".*partial"))


@pytest.fixture(name="small_disk")
def make_small_disk(tmp_path: Path) -> Iterator[Path]:
    """A filesystem of 3 MB, where this user may mount one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", os.fspath(folder)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("a small disk cannot be mounted here; the tests with limits stand in for it")
    yield folder
    subprocess.run(["umount", "--lazy", os.fspath(folder)], check=True)


def test_a_full_disk(small_disk: Path) -> None:
    """Database, spool, publishing and compaction say so; with room again, nothing is missing."""
    store = FileStore(small_disk / "market.duckdb", tables=(PRICES,))
    spool = Spool(store.paths.folder / "spool", limit_bytes=LIMIT)
    merged, said = until_refused(lambda turn: store.merge(PRICES, many_prices(ROWS, turn)))
    assert re.search(r"live is full: .*No space left on device", said)
    assert count(store) == ROWS * merged > 0
    appended, said = until_refused(
        lambda turn: spool.append(PRICES, many_prices(ROWS, merged + turn))
    )
    assert said.endswith("spool cannot be written: No space left on device")
    for action in (store.publish, store.compact):
        with pytest.raises(StoreUnwritable, match=r"full|No space left"):
            action(force=True)
    assert (count(store), spool.depth().segments) == (ROWS * merged, appended)
    remount = ["mount", "-o", "remount,size=60m", os.fspath(small_disk)]
    subprocess.run(remount, check=True)
    assert spool.drain(store).segments == appended
    assert count(store) == ROWS * (merged + appended)
    assert store.publish(force=True).is_published
