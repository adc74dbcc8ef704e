"""The published file is missing, old, replaced, locked or junk; health cannot be had; a crowd."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import duckdb
import httpx
import pytest

from market_assets.api.app import READERS
from market_assets.api.worker import Recent, Worker
from market_assets.operations.health.statuses import Health
from market_assets.storage.files.store import FileStore
from market_assets.tables import HYPERLIQUID_CANDLES, HYPERLIQUID_MID_PRICES
from market_assets_tests.api.database import NOW, ago, candle, content, frame, publish
from market_assets_tests.api.serving import HEALTHY, error_of, served
from market_assets_tests.waiting import until

MIDS = {"hyperliquid_mid_prices": content()["hyperliquid_mid_prices"]}


def mid(store: FileStore, price: float) -> None:
    """Publish a newer mid of BTC."""
    rows = frame(HYPERLIQUID_MID_PRICES, {"symbol": "BTC", "bucket_at": NOW, "mid": price})
    store.replace(HYPERLIQUID_MID_PRICES, rows)
    store.publish(force=True)


def latest_mid(client: httpx.Client) -> float:
    """The mid of BTC as the API has it."""
    price: float = client.get("/api/v1/assets/BTC/latest").json()["mid"]["mid"]
    return price


def test_before_anything_is_published_it_is_503_and_then_200(tmp_path: Path) -> None:
    """The server starts without a database, says so, and needs no restart when there is one."""
    path = tmp_path / "data" / "market.duckdb"
    with served(path) as client:
        assert error_of(client.get("/api/v1/assets"))[:2] == (503, "no_database")
        assert client.get("/api/v1/ingestion/health").status_code == 200
        publish(path, MIDS)
        assert latest_mid(client) == 100.0


def test_a_file_that_is_no_database_is_503(tmp_path: Path) -> None:
    """Without the path in the answer."""
    path = tmp_path / "market.duckdb"
    path.write_bytes(b"junk" * 5000)
    with served(path) as client:
        status, code, message = error_of(client.get("/api/v1/assets"))
    assert (status, code) == (503, "database_unreadable")
    assert str(tmp_path) not in message


def test_junk_in_the_place_of_the_file_keeps_the_last_good_one(tmp_path: Path) -> None:
    """What was readable goes on serving, and the next publication is taken."""
    path = tmp_path / "market.duckdb"
    store = publish(path, MIDS)
    with served(path) as client:
        assert latest_mid(client) == 100.0
        good = path.read_bytes()
        (tmp_path / "junk").write_bytes(b"junk" * 5000)
        (tmp_path / "junk").rename(path)
        assert latest_mid(client) == 100.0
        path.unlink()
        assert latest_mid(client) == 100.0
        path.write_bytes(good)
        mid(store, 7.0)
        assert latest_mid(client) == 7.0


def test_a_new_publication_is_what_the_next_request_sees(tmp_path: Path) -> None:
    """And its tag is another one: a client that has the old answer gets the new."""
    path = tmp_path / "market.duckdb"
    store = publish(path, MIDS)
    route = "/api/v1/assets/BTC/latest"
    with served(path) as client:
        first = client.get(route)
        tag = first.headers["etag"]
        unchanged = client.get(route, headers={"If-None-Match": f'"other", {tag}'})
        assert (unchanged.status_code, unchanged.content) == (304, b"")
        assert unchanged.headers["etag"] == tag
        assert unchanged.headers["cache-control"] == "private, no-cache"
        assert client.get(route, headers={"If-None-Match": "*"}).status_code == 304
        assert client.get(route, headers={"If-None-Match": '"other"'}).status_code == 200
        mid(store, 7.0)
        changed = client.get(route, headers={"If-None-Match": tag})
        assert changed.status_code == 200
        assert changed.headers["etag"] != tag
        assert changed.json()["mid"]["mid"] == 7.0


@pytest.mark.parametrize("tag_of", ["another route", "*", "another symbol", "itself"])
def test_errors_come_before_304(published: Path, tag_of: str) -> None:
    """No tag makes an answer of what has none: neither another's nor any."""
    with served(published) as client:
        tag = {
            "another route": lambda: client.get("/api/v1/assets").headers["etag"],
            "*": lambda: "*",
            "another symbol": lambda: client.get("/api/v1/assets/BTC/latest").headers["etag"],
            "itself": lambda: str(client.get("/api/v1/assets/NOPE/latest").headers.get("etag")),
        }[tag_of]()
        said = {"If-None-Match": tag}
        for what in ("latest", "candles"):
            answer = client.get(f"/api/v1/assets/NOPE/{what}", headers=said)
            assert error_of(answer)[:2] == (404, "unknown_symbol")
        answer = client.get("/api/v1/assets/BTC/candles?limit=0", headers=said)
        assert error_of(answer)[:2] == (400, "bad_limit")


def test_a_tag_is_of_one_question_one_file_and_one_version(published: Path) -> None:
    """What another route, query or version of the project answers is not the same."""
    questions = (
        "/api/v1/assets",
        "/api/v1/assets/BTC/latest",
        "/api/v1/assets/BTC/latest?interval=1h",
        "/api/v1/assets/@107/latest",
        "/api/v1/assets/BTC/candles?limit=2",
        "/api/v1/assets/BTC/candles?limit=3",
        "/api/v1/ingestion/dashboard",
    )
    with served(published) as client, served(published, version="1.2.4") as newer:
        tags = [client.get(one).headers["etag"] for one in questions]
        assert len({*tags, *(newer.get(one).headers["etag"] for one in questions)}) == 14
        for question, tag in zip(questions, tags, strict=True):
            for other in tags:
                said = client.get(question, headers={"If-None-Match": other}).status_code
                assert said == (304 if other == tag else 200)
        same = client.get(
            "/api/v1/assets/BTC/latest?interval=1m", headers={"If-None-Match": tags[1]}
        )
        assert same.status_code == 304, "what is left out is what it is by default"


def test_a_file_from_before_a_source_has_null_where_its_tables_would_be(tmp_path: Path) -> None:
    """Every route answers, from a file with mids only, and from one with nothing at all."""
    path = tmp_path / "market.duckdb"
    with duckdb.connect(tmp_path / "old.duckdb") as old:
        old.execute(
            "create table hyperliquid_mid_prices as select 'BTC' as symbol, 5.0::double as mid, "
            "timestamptz '2026-11-20 12:00:00Z' as bucket_at"
        )
    (tmp_path / "old.duckdb").rename(path)
    with served(path) as client:
        answer = client.get("/api/v1/assets/BTC/latest").json()
        assert (answer["mid"]["mid"], answer["mid"]["age_s"]) == (5.0, 3.0)
        assert answer["asset"] is answer["candle"] is None
        assert answer["prediction_markets"] == answer["defillama"] == []
        assert client.get("/api/v1/assets").json()["assets"] == []
        assert error_of(client.get("/api/v1/assets/BTC/candles"))[1] == "unknown_symbol"
        for what in ("polymarket/markets", "defillama/subjects"):
            assert client.get(f"/api/v1/{what}/search?q=a").json()["count"] == 0
        (only,) = client.get("/api/v1/ingestion/dashboard").json()["sources"]
        assert (only["source"], only["rows"], only["runs"]) == ("hyperliquid", 1, [])


def test_somebody_who_has_the_file_open_for_writing_is_named(tmp_path: Path) -> None:
    """A notebook opened without read_only: 503 until it ends, not a hang."""
    path = tmp_path / "market.duckdb"
    publish(path, MIDS)
    script = (
        "import sys, duckdb; c = duckdb.connect(sys.argv[1]); print('open', flush=True); input()"
    )
    with (
        subprocess.Popen(
            [sys.executable, "-c", script, str(path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as notebook,
        served(path) as client,
    ):
        assert notebook.stdout is not None
        notebook.stdout.readline()
        status, code, message = error_of(client.get("/api/v1/assets"))
        notebook.communicate("\n", timeout=60)
        assert (status, code) == (503, "database_unreadable")
        assert "open for writing" in message
        assert latest_mid(client) == 100.0


def test_health_that_cannot_be_had_is_503_and_the_data_is_still_there(
    published: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A corrupt Dagster instance costs the verdict, nothing else."""

    def broken() -> Health:
        raise OSError("the disk is gone: /private/path")

    with served(published, health=broken) as client:
        status, code, message = error_of(client.get("/api/v1/ingestion/health"))
        assert client.get("/api/v1/assets").status_code == 200
    assert (status, code) == (503, "no_verdict")
    assert "/private" not in message
    assert "/private/path" in caplog.text


def test_a_slow_health_keeps_no_reader_waiting(published: Path) -> None:
    """They have threads of their own."""
    asked, go_on = threading.Event(), threading.Event()

    def slow() -> Health:
        asked.set()
        assert go_on.wait(60)
        return HEALTHY

    with served(published, health=slow) as client, ThreadPoolExecutor(READERS) as pool:
        url = str(client.base_url.join("/api/v1/ingestion/health"))
        answers = [pool.submit(httpx.get, url, timeout=60) for _ in range(READERS)]
        assert asked.wait(60)
        for _ in range(20):
            assert client.get("/api/v1/assets").status_code == 200
        go_on.set()
        assert [answer.result(60).status_code for answer in answers] == [200] * READERS


def test_a_health_that_hangs_hangs_nothing_else(
    published: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Dagster's database does not come back: its verdict is 503 in time, the rest is answered."""
    monkeypatch.setattr("market_assets.api.app._WITHIN_S", 3.0)
    go_on = threading.Event()

    def hangs() -> Health:
        assert go_on.wait(60)
        return HEALTHY

    recent = Recent(hangs, seconds=2, first_s=0.2)

    def metrics(_: str) -> tuple[bytes, str]:
        with contextlib.suppress(TimeoutError):
            recent()
        return b"files 1\n", "text/plain"

    with served(published, health=hangs, metrics=metrics) as client:
        client.get("/api/v1/ingestion/dashboard")  # is counted once, and may take a while
        try:
            for _ in range(2):
                answer = client.get("/api/v1/ingestion/health")
                assert error_of(answer)[:2] == (503, "timed_out")
                assert client.get("/metrics").text == "files 1\n"
                page = client.get("/")
                assert page.status_code == 503
                assert "no answer within 3 s" in page.text
                assert "hyperliquid" in page.text, "what the database holds stands there"
                assert client.get("/api/v1/assets").status_code == 200
        finally:
            go_on.set()
        until(lambda: client.get("/api/v1/ingestion/health").status_code == 200, "health")


def test_metrics_that_hang_hang_nothing_else(
    published: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are 503 in time, and neither health nor the page waits for them."""
    monkeypatch.setattr("market_assets.api.app._WITHIN_S", 3.0)
    go_on = threading.Event()

    def hang(_: str) -> tuple[bytes, str]:
        assert go_on.wait(60)
        return b"", "text/plain"

    with served(published, metrics=hang) as client:
        client.get("/api/v1/ingestion/dashboard")
        try:
            for _ in range(2):
                assert error_of(client.get("/metrics"))[:2] == (503, "timed_out")
                assert client.get("/api/v1/ingestion/health").status_code == 200
                assert client.get("/").status_code == 200
        finally:
            go_on.set()


def test_a_stream_of_which_nothing_can_be_read_costs_its_lines_only(published: Path) -> None:
    """The page says so and shows the rest."""

    def broken() -> list[str]:
        raise OSError("the disk is gone: /private/path")

    with served(published, stream=broken) as client:
        page = client.get("/")
    assert page.status_code == 200
    assert "what the stream says could not be read: OSError" in page.text
    assert "/private" not in page.text
    assert "hyperliquid" in page.text


def test_two_hundred_clients_at_once_while_the_file_is_replaced(tmp_path: Path) -> None:
    """Each gets a whole answer of one version; no errors; the writer is never kept waiting."""
    path = tmp_path / "market.duckdb"
    store = publish(path, MIDS)
    routes = ("/api/v1/assets/BTC/latest", "/api/v1/assets/xyz:TSLA/latest", "/openapi.json")
    statuses: Counter[int] = Counter()
    with served(path) as client:
        ready = threading.Barrier(201)

        def one(number: int) -> list[int]:
            with httpx.Client(
                base_url=client.base_url,
                trust_env=False,
                timeout=60,
                verify=False,  # noqa: S501 - no TLS here; 200 times the certificates take seconds
            ) as own:
                ready.wait(60)
                return [own.get(routes[(number + n) % 3]).status_code for n in range(3)]

        with ThreadPoolExecutor(200) as pool:
            clients = [pool.submit(one, number) for number in range(200)]
            ready.wait(60)
            for price in range(5):
                mid_of_all(store, float(price))
            for each in clients:
                statuses.update(each.result(120))
        assert latest_mid(client) == 4.0
    assert statuses == {200: 600}


def mid_of_all(store: FileStore, price: float) -> None:
    """Publish newer mids of two symbols, and a candle that makes the file another."""
    rows = [{"symbol": s, "bucket_at": NOW, "mid": price} for s in ("BTC", "xyz:TSLA")]
    store.replace(HYPERLIQUID_MID_PRICES, frame(HYPERLIQUID_MID_PRICES, *rows))
    opened = ago(minutes=price + 1)
    store.merge(HYPERLIQUID_CANDLES, frame(HYPERLIQUID_CANDLES, candle("BTC", opened)))
    store.publish(force=True)


async def _fill(worker: Worker, go_on: threading.Event) -> list[str]:
    import asyncio  # noqa: PLC0415 - only here

    from market_assets.api.errors import ApiError  # noqa: PLC0415

    waiting = [asyncio.ensure_future(worker.run(go_on.wait)) for _ in range(3)]
    await asyncio.sleep(0)
    refused = []
    try:
        await worker.run(lambda: None)
    except ApiError as error:
        refused.append(f"{error.code} {error.headers}")
    go_on.set()
    await asyncio.gather(*waiting)
    await worker.run(lambda: None)
    return refused


def test_more_than_may_wait_are_told_to_come_back() -> None:
    """With Retry-After; when there is room again they are served."""
    import asyncio  # noqa: PLC0415 - only here

    worker = Worker("test", threads=1, most_waiting=3)
    try:
        refused = asyncio.run(_fill(worker, threading.Event()))
    finally:
        worker.close()
    assert refused == ["busy {'Retry-After': '1'}"]


def test_a_recent_value_is_found_out_once_for_all_who_ask() -> None:
    """However many ask at once; what raised is not kept."""
    calls: list[int] = []

    def find() -> int:
        calls.append(1)
        if len(calls) == 1:
            raise OSError("once")
        threading.Event().wait(0.05)  # the others have time to ask as well
        return len(calls)

    recent = Recent(find, seconds=3600)
    with pytest.raises(OSError, match="once"):
        recent()
    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(lambda _: recent(), range(50))) == {2}
    assert len(calls) == 2
    assert Recent(find, seconds=-1)() == 3


def test_nobody_waits_for_ever_for_a_value() -> None:
    """Those who come late give up at once; what comes back after all is taken."""
    go_on, calls = threading.Event(), []

    def find() -> int:
        calls.append(1)
        assert go_on.wait(60)
        return 7

    recent = Recent(find, seconds=3600, first_s=0.1)
    for _ in range(3):
        with pytest.raises(TimeoutError, match="no answer for"):
            recent()
    assert calls == [1], "there is one search, however many ask"
    go_on.set()

    def is_there() -> bool:
        try:
            return recent() == 7
        except TimeoutError:
            return False

    until(is_there, "it to be there")
    assert calls == [1]
