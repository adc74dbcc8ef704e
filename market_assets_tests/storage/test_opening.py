"""The store as the rest of the project opens it: by the settings, without knowing the backend."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from market_assets.clock import SystemClock
from market_assets.sources.hyperliquid import frames
from market_assets.storage.opening import database_files, open_snapshots, open_store, standing
from market_assets.tables import HYPERLIQUID_MID_PRICES

PACE = 1e12
AT = datetime(2026, 2, 28, 23, 59, 55, tzinfo=UTC)


def test_what_is_written_is_read_at_once_and_seen_in_snapshots_once_published(
    tmp_path: Path,
) -> None:
    market_db = tmp_path / "market.duckdb"
    store = open_store(market_db, lock_wait=timedelta(seconds=5), publish_bytes_per_second=PACE)
    snapshots = open_snapshots(market_db)
    count = "select count(*) as n from hyperliquid_mid_prices"

    def seen() -> int:
        with snapshots.snapshot() as snapshot:
            assert "mid" in snapshot.columns["hyperliquid_mid_prices"]
            return int(snapshot.rows(count)[0]["n"])

    def how() -> tuple[bool, bool]:
        """Whether anything was published, and whether readers lack something."""
        found = standing(market_db, bytes_per_second=PACE, now=SystemClock().now())
        assert found is not None
        return found.published_at is not None, found.behind_since is not None

    assert standing(market_db, bytes_per_second=PACE, now=AT) is None
    store.prepare()
    assert how() == (False, True)
    assert store.publish(force=True).is_published
    store.merge(HYPERLIQUID_MID_PRICES, frames.mids({"BTC": 1.0, "ETH": 2.0}, AT))
    assert (int(store.read(count)["n"].item()), seen(), how()) == (2, 0, (True, True))
    assert store.publish(force=True).is_published
    assert (seen(), how()) == (2, (True, False))
    assert {name: path.is_file() for name, path in database_files(market_db).items()} == {
        "live": True,
        "published": True,
    }
    assert store.place == str(database_files(market_db)["live"])
    snapshots.close()


def test_looking_how_the_store_is_does_not_import_a_database() -> None:
    """`status` is typed often."""
    script = (
        "import sys; from datetime import UTC, datetime; from pathlib import Path\n"
        "from market_assets.storage.opening import standing\n"
        "standing(Path('none.duckdb'), bytes_per_second=1.0, now=datetime.now(UTC))\n"
        "print(sorted({'duckdb', 'polars', 'pyarrow'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.strip() == "[]"
