"""Market searches while the index of their words is made, and what else is asked meanwhile."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from market_assets.api import app, searches
from market_assets.api.app import READERS, SEARCHERS
from market_assets.api.market_index import keeper as keeping
from market_assets.api.market_index.index import Index
from market_assets.api.market_index.keeper import IndexKeeper
from market_assets.api.market_index.refresh import refreshed
from market_assets.api.searches import search_markets
from market_assets.api.view import View
from market_assets.clock import Clock
from market_assets.storage.files.published import Published, Snapshot
from market_assets.storage.files.store import FileStore
from market_assets_tests.api.database import NOW, SPECS, content, frame, publish
from market_assets_tests.api.serving import served
from market_assets_tests.waiting import until

MARKETS = "polymarket_markets"
LINKS = "polymarket_market_asset_links"
URL = "/api/v1/polymarket/markets/search"
PATIENCE_S = 60.0


class Gate:
    """Stands before the making of each index; lets it through when it is opened."""

    def __init__(self) -> None:
        self.begun, self.open, self.made = (threading.Event() for _ in range(3))

    def __call__(
        self, before: Index | None, snapshot: Snapshot, breathe: Callable[[], None]
    ) -> Index:
        self.begun.set()
        while not self.open.wait(0.01):
            breathe()
        index = refreshed(before, snapshot, breathe)
        self.made.set()
        return index


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Gate:
    """Before the indexes of every server."""
    one = Gate()
    monkeypatch.setattr(keeping, "refreshed", one)
    return one


@pytest.fixture
def store(tmp_path: Path) -> FileStore:
    """Published, with the markets of `database.py`."""
    return publish(tmp_path / "market.duckdb")


def add(store: FileStore, condition_id: str, question: str) -> None:
    """Publish one market more."""
    row = {"condition_id": condition_id, "question": question, "ingested_at": NOW}
    store.merge(SPECS[MARKETS], frame(SPECS[MARKETS], row))
    store.publish(force=True)


def ids(answer: httpx.Response) -> list[str]:
    """Which markets were found."""
    assert answer.status_code == 200
    return [one["condition_id"] for one in answer.json()["markets"]]


def test_a_search_waits_for_no_index_and_no_other_answer_does(store: FileStore, gate: Gate) -> None:
    """While it is made, before the first one and between two, new rows are found at once."""
    with served(store.paths.published) as client:
        assert ids(client.get(URL, params={"q": "bitcoin"})) == ["0x1", "0x0", "0x2"]
        assert gate.begun.wait(PATIENCE_S)
        add(store, "0x9", "Will Bitcoin be forgotten")
        assert ids(client.get(URL, params={"q": "forgotten"})) == ["0x9"]
        assert client.get("/api/v1/assets").status_code == 200
        assert not gate.made.is_set()
        gate.open.set()
        assert gate.made.wait(PATIENCE_S)
        gate.open.clear()
        add(store, "0xa", "Will Bitcoin be found")
        assert ids(client.get(URL, params={"q": "found"})) == ["0xa"]
        assert ids(client.get(URL, params={"q": "bitcoin be"})) == ["0x9", "0xa"]


def test_searches_that_take_long_keep_only_searches_waiting(
    store: FileStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They have threads of their own."""
    begun, go_on = threading.Semaphore(0), threading.Event()

    def slow(*_: object) -> list[int]:
        begun.release()
        assert go_on.wait(PATIENCE_S)
        return []

    monkeypatch.setattr(searches, "places", slow)
    with served(store.paths.published) as client, ThreadPoolExecutor(READERS + 1) as pool:
        url = str(client.base_url.join(f"{URL}?q=a"))
        asked = [pool.submit(httpx.get, url, timeout=PATIENCE_S) for _ in range(READERS + 1)]
        try:
            for _ in range(SEARCHERS):
                assert begun.acquire(timeout=PATIENCE_S)
            for _ in range(5):
                assert client.get("/api/v1/assets").status_code == 200
                subjects = client.get("/api/v1/defillama/subjects/search?q=btc")
                assert subjects.json()["count"] == 1
            assert not any(one.done() for one in asked)
        finally:
            go_on.set()
        assert [one.result(PATIENCE_S).status_code for one in asked] == [200] * (READERS + 1)


def test_an_answer_from_an_older_index_is_not_kept_by_its_tag(
    store: FileStore, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As soon as there is the new index, a client that has the old answer gets the new one."""
    monkeypatch.setattr(keeping, "SMALL", 0)
    keepers: list[IndexKeeper] = []

    def keeper(published: Published, *, clock: Clock) -> IndexKeeper:
        keepers.append(IndexKeeper(published, clock=clock))
        return keepers[0]

    monkeypatch.setattr(app, "IndexKeeper", keeper)
    gate.open.set()
    asked = {"q": "forgotten"}
    with served(store.paths.published) as client:
        first = client.get(URL, params=asked)
        until(lambda: keepers[0]._index is not None, "an index")
        before = keepers[0]._index
        tag = {"If-None-Match": first.headers["etag"]}
        assert client.get(URL, params=asked, headers=tag).status_code == 304, "it is the same"
        gate.open.clear()
        add(store, "0x9", "Will Bitcoin be forgotten")
        old = client.get(URL, params=asked)
        assert ids(old) == []
        tag = {"If-None-Match": old.headers["etag"]}
        assert client.get(URL, params=asked, headers=tag).status_code == 304
        gate.open.set()
        until(lambda: keepers[0]._index is not before, "another index")
        new = client.get(URL, params=asked, headers=tag)
        assert ids(new) == ["0x9"]
        assert new.headers["etag"] != old.headers["etag"]


@pytest.fixture(params=["no index", "its index", "an older index"])
def view(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[View]:
    """Four markets, some with several symbols, and the ways to look for them."""
    links = frame(
        SPECS[LINKS],
        *(
            {"condition_id": f"0x{market}", "symbol": symbol, "confidence": confidence}
            for market, symbol, confidence in (
                (1, "ETH", 0.5),
                (1, "BTC", 0.9),
                (0, "SOL", 0.7),
                (0, "BTC", 0.7),
                (3, "RAIN", 0.1),
            )
        ),
    )
    frames = {MARKETS: content()[MARKETS], LINKS: links}
    path = tmp_path / "market.duckdb"
    publish(path, frames)
    published = Published(path)
    with published.snapshot() as snapshot:
        index = refreshed(None, snapshot, lambda: None)
    if request.param == "an older index":
        other = publish(
            tmp_path / "other" / "market.duckdb",
            {name: rows.sort("condition_id", descending=True) for name, rows in frames.items()},
        )
        other.paths.published.rename(path)
    with published.snapshot() as snapshot:
        yield View(snapshot, NOW, None if request.param == "no index" else index)
    published.close()


def test_symbols_of_a_market_are_the_surest_first(view: View) -> None:
    """Whichever way it was found."""
    symbols = symbols_of(view, "bitcoin")
    assert symbols == {"0x1": ["BTC", "ETH"], "0x0": ["BTC", "SOL"], "0x2": []}
    assert symbols_of(view, "paris") == {"0x3": ["RAIN"]}
    assert symbols_of(view, "paris bitcoin") == {}


def symbols_of(view: View, q: str) -> dict[str, Any]:
    """By the markets that were found."""
    for _ in range(2):  # the second time from what is remembered
        answer = search_markets(view, {"q": q, "limit": 20})
    return {one["condition_id"]: one["symbols"] for one in answer["markets"]}
