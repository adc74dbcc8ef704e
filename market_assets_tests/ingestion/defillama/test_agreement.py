"""What is stored against what the simulated DefiLlama knows to be true, trap by trap at once.

The simulator and the client were written from the venue's papers by themselves. A long test: its
short form are the tests beside it, whose figures are computed by head.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from market_assets.clock import SystemClock
from market_assets.ingestion.defillama.catalogue import Catalogue
from market_assets.ingestion.defillama.series import refresh_history
from market_assets.ingestion.defillama.subjects import Selection, refresh, tracked
from market_assets.sources.defillama.client import DefiLlamaClient
from market_assets.storage.files.store import FileStore
from market_assets.tables.defillama import METRICS
from market_assets_tests.ingestion.defillama.conftest import TABLES
from market_assets_tests.simulated import simulated
from market_simulator.defillama.venue import Limits
from market_simulator.defillama.world import Size

SIZE = Size(chains=40, protocols=80, stablecoins=20)


@pytest.mark.soak
def test_every_stored_series_is_the_true_one(tmp_path: Path) -> None:
    """Each complete day of each series, no more and no less, to a dollar of rounding."""
    store = FileStore(tmp_path / "market.duckdb", tables=TABLES)
    clock = SystemClock()
    compared = 0
    with simulated(
        process=True, main=1, builder=0, spot=1, defillama_size=SIZE, defillama_limits=Limits(10**6)
    ) as venue:
        urls = (venue.environment[f"DEFILLAMA_{part}_URL"] for part in ("API", "STABLECOINS"))
        client = DefiLlamaClient(*urls)
        catalogue = Catalogue(client)
        refresh(catalogue, store, Selection(), now=clock.now())
        subjects = tracked(store)
        done = refresh_history(catalogue, store, subjects, within=timedelta(minutes=2), clock=clock)
        assert (done.failed, done.figures["series_left"]) == ({}, 0)
        client.close()
        for subject in subjects:
            for metric in METRICS:
                query = {"subject": subject.subject_id, "metric": metric}
                said = httpx.get(f"{venue.url}/__control__/defillama/truth", params=query)
                if said.status_code != 200:
                    continue  # it has no such series
                truth = {
                    datetime.fromtimestamp(seconds, UTC).date(): usd
                    for seconds, usd in said.json()["complete"]
                }
                rows = store.read(
                    "select day, value_usd from defillama_daily_history"
                    " where subject_id = $subject and metric = $metric",
                    query,
                )
                assert dict(rows.rows()) == pytest.approx(truth, rel=1e-6, abs=1.01), query
                compared += 1
    assert compared > 200
