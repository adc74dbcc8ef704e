"""The page for people: what stands first, what it does with text of others, who sees it."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from contextlib import contextmanager
from html.parser import HTMLParser
from pathlib import Path

import httpx
import pytest

from market_assets.api.page import EVERY_S
from market_assets.operations.health.statuses import Health, Row, Status
from market_assets.switches import Off
from market_assets_tests.api.database import NOW, ago, publish, run
from market_assets_tests.api.database import SPECS as TABLE_SPECS
from market_assets_tests.api.database import frame as rows_of
from market_assets_tests.api.serving import served

HOSTILE = '<script>alert(\'x\')</script>" onload="y"><img src=//evil.example> {{ 7*7 }} &amp;'
TOKEN = "a-long-secret+with/signs="
STREAM = ("stream    streaming since 2026-11-20", "          4 sockets, 0 reconnects")


def row(
    channel: str,
    status: Status,
    *,
    age_s: float | None = 30.0,
    rows_written: int | None = 7,
    last_error: str | None = None,
    cause: str | None = None,
    waits_for: str | None = None,
) -> Row:
    """A line of the health report, with a window of 100 seconds."""
    return Row(
        source="hyperliquid",
        channel=channel,
        status=status,
        expected_cadence_s=50.0,
        stale_after_s=100.0,
        age_s=age_s,
        rows_written=rows_written,
        last_error=last_error,
        cause=cause,
        waits_for=waits_for,
    )


class Page(HTMLParser):
    """What a browser makes of the page: elements with their attributes, text, rows of tables."""

    def __init__(self, answer: httpx.Response) -> None:
        super().__init__()
        self.answer = answer
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.rows: list[list[str]] = []
        self.text = ""
        self._raw = ""
        self.feed(answer.text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self._raw = tag if tag in ("style", "script") else ""
        if tag == "tr":
            self.rows.append([])
        elif tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_endtag(self, tag: str) -> None:
        self._raw = "" if tag == self._raw else self._raw
        if tag == "table":
            self.rows.append([])

    def handle_data(self, data: str) -> None:
        if self._raw:
            return
        self.text += data
        if self.rows and self.rows[-1]:
            self.rows[-1][-1] = " ".join((self.rows[-1][-1] + data).split())

    @property
    def tags(self) -> list[str]:
        return [tag for tag, _ in self.elements]

    @property
    def channels(self) -> list[list[str]]:
        """The cells of the first table, without its head."""
        return self.rows[1 : self.rows.index([])]

    def heading(self) -> str:
        """The text of the title, which a browser's tab shows."""
        found = re.search(r"<title>(.*?)</title>", self.answer.text)
        assert found
        return found[1]


@contextmanager
def shown(path: Path, *rows: Row, token: str = "") -> Iterator[httpx.Client]:
    """A server whose health report has these rows."""
    health = Health(at=NOW, rows=rows)
    with served(path, health=lambda: health, stream=lambda: STREAM, token=token) as client:
        yield client


def test_what_is_worst_stands_first_with_its_reason(published: Path) -> None:
    """Failed, missing, stale, then the good; what another row explains after what none does."""
    rows = (
        row("fine", "ok"),
        row("late", "stale", age_s=250.0, cause="dagster/daemon"),
        row("later", "stale", age_s=7250.0),
        row("broken", "failed", last_error="VenueDown: 502 Bad Gateway"),
        row("never", "missing", age_s=None, rows_written=None, waits_for="hyperliquid/broken"),
        row("busy", "running", rows_written=12_345),
    )
    with shown(published, *rows) as client:
        page = Page(client.get("/"))
    assert page.answer.status_code == 200
    assert page.heading() == "1 failed, 1 missing, 2 stale of 6 · market_assets"
    assert page.channels == [
        ["failed", "hyperliquid/broken", "30 s", "100 s", "7", "VenueDown: 502 Bad Gateway"],
        ["missing", "hyperliquid/never", "never", "100 s", "", "waits for hyperliquid/broken"],
        ["stale", "hyperliquid/later", "2.01 h", "100 s", "7", ""],
        ["stale", "hyperliquid/late", "4.17 min", "100 s", "7", "because of dagster/daemon"],
        ["running", "hyperliquid/busy", "30 s", "100 s", "12,345", ""],
        ["ok", "hyperliquid/fine", "30 s", "100 s", "7", ""],
    ]
    bars = [one["width"] for tag, one in page.elements if tag == "rect" and one["class"] == "fill"]
    assert bars == ["30.0%", "100.0%", "100%", "100%", "30.0%", "30.0%"]


def test_all_is_well_is_said_only_where_it_is(published: Path) -> None:
    """Good rows are counted; the words stand nowhere else."""
    with shown(published, row("a", "ok"), row("b", "running")) as client:
        assert Page(client.get("/")).heading() == "all 2 are well · market_assets"
    with shown(published, row("a", "ok"), row("b", "stale")) as client:
        page = Page(client.get("/"))
    assert page.heading() == "1 stale of 2 · market_assets"
    assert "well" not in page.text


def test_stream_gaps_runs_and_size_stand_below(published: Path) -> None:
    """The stream's own lines, and the figures of the dashboard route."""
    with shown(published, row("a", "ok")) as client:
        page = Page(client.get("/"))
        told = client.get("/api/v1/ingestion/dashboard").json()
    assert "\n".join(STREAM) in page.text
    assert "made 2026-11-20 12:00:03 UTC" in page.text
    sources = {cells[0]: cells for cells in page.rows if len(cells) == 9}
    hyperliquid = next(one for one in told["sources"] if one["source"] == "hyperliquid")
    rows = f"{hyperliquid['rows']:,}"
    gap = f"{ago(hours=3):%Y-%m-%d %H:%M:%S} UTC"
    assert sources["hyperliquid"] == ["hyperliquid", rows, "3 s", "3", "0", "19", "1", gap, "1"]
    assert sources["polymarket"][3:6] == ["0", "1", "0"]
    runs = {cells[0]: cells for cells in page.rows if len(cells) == 8}
    assert runs["hyperliquid/contexts"][1:7] == ["2", "0", "0", "10", "700 ms", "700 ms"]
    assert runs["hyperliquid/mids"][5] == "1 min"
    assert runs["polymarket/markets"][7].endswith("UTC: the venue said 502")
    assert re.search(r"[0-9.]+ [kM]B, published", page.text)


def test_text_of_others_is_only_text(tmp_path: Path) -> None:
    """An error that is HTML, a template or an attribute's end, from health and from a run."""
    path = tmp_path / "market.duckdb"
    failed = run("polymarket", "markets", started=ago(minutes=4), ms=9, error=HOSTILE)
    publish(path, {"ingestion_runs": rows_of(TABLE_SPECS["ingestion_runs"], failed)})
    calm, hostile = row("a", "failed", last_error="calm"), row("a", "failed", last_error=HOSTILE)
    with shown(path, calm) as client:
        expected = Page(client.get("/")).tags
    with shown(path, hostile) as client:
        page = Page(client.get("/"))
    assert page.tags == expected
    assert page.tags.count("script") == 1
    assert "img" not in page.tags
    assert page.channels[0][-1] == HOSTILE
    assert page.text.count(HOSTILE) == 2
    assert not any(name.startswith("on") for _, attrs in page.elements for name in attrs)


def test_the_browser_loads_and_runs_nothing_else(published: Path) -> None:
    """No reference leads out of the page, and the policy lets only its own style and script act."""
    with shown(published, row("a", "ok")) as client:
        first, second = Page(client.get("/")), Page(client.get("/"))
    leads = {"src", "href", "action", "formaction", "data", "poster", "srcset", "style"}
    assert not [one for one in first.elements if leads & set(one[1])]
    assert "url(" not in first.answer.text
    assert "@import" not in first.answer.text
    assert "//" not in re.sub(r"^\s*//.*$", "", first.answer.text, flags=re.MULTILINE)
    nonces = [
        {attrs["nonce"] for tag, attrs in page.elements if tag in ("style", "script")}
        for page in (first, second)
    ]
    assert [len(one) for one in nonces] == [1, 1]
    assert nonces[0] != nonces[1]
    (nonce,) = nonces[0]
    policy = dict(
        part.split(" ", 1) for part in first.answer.headers["content-security-policy"].split("; ")
    )
    assert policy == {
        "default-src": "'none'",
        "style-src": f"'nonce-{nonce}'",
        "script-src": f"'nonce-{nonce}'",
        "connect-src": "'self'",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
    }
    assert first.answer.headers["cache-control"] == "no-store"
    assert first.answer.headers["x-content-type-options"] == "nosniff"
    assert first.answer.headers["content-type"] == "text/html; charset=utf-8"


def test_it_comes_again_with_and_without_scripts(published: Path) -> None:
    """The script and the element for browsers without it say the same interval."""
    with shown(published, row("a", "ok")) as client:
        page = Page(client.get("/"))
    (meta,) = [one for tag, one in page.elements if one.get("http-equiv") == "refresh"]
    (script,) = [one for tag, one in page.elements if tag == "script"]
    assert (meta["content"], script["data-every-s"]) == (str(EVERY_S), str(EVERY_S))


def test_sources_that_are_off_are_named_below_the_channels(published: Path) -> None:
    off = (Off("polymarket", "MARKET_SOURCES"),)
    health = Health(at=NOW, rows=(row("fine", "ok"),), off=off)
    with served(published, health=lambda: health) as client:
        page = Page(client.get("/"))
    assert page.heading() == "all 1 are well · market_assets"
    assert "off: polymarket (MARKET_SOURCES)" in page.text
    with shown(published, row("fine", "ok")) as client:
        assert "off:" not in Page(client.get("/")).text


def test_without_a_verdict_nothing_is_called_well(published: Path) -> None:
    """503 in red with the reason; what the database says still stands there."""

    def broken() -> Health:
        raise OSError("disk full at /secret/path")

    with served(published, health=broken) as client:
        page = Page(client.get("/"))
    assert page.answer.status_code == 503
    assert page.heading() == "no verdict · market_assets"
    assert "could not be found out: OSError" in page.text
    assert "secret" not in page.answer.text
    assert "well" not in page.text
    assert "polymarket" in page.text


def test_without_a_database_the_channels_still_stand_there(tmp_path: Path) -> None:
    """Nothing published yet, on a fresh system: that is said, and who waits for what."""
    with shown(tmp_path / "none.duckdb", row("a", "missing", age_s=None)) as client:
        page = Page(client.get("/"))
    assert page.answer.status_code == 200
    assert page.channels[0][:2] == ["missing", "hyperliquid/a"]
    assert "nothing has been published yet" in page.text


@pytest.mark.parametrize(
    "header", [f"Bearer {TOKEN}", *(f"basic {name}:{TOKEN}" for name in ("", "ops", "é"))]
)
def test_the_token_opens_it_as_bearer_or_as_password(published: Path, header: str) -> None:
    """Whatever the user name is; a colon in front of the password is the last that is not its."""
    scheme, _, value = header.encode().partition(b" ")
    said = scheme + b" " + (value if scheme == b"Bearer" else base64.b64encode(value))
    with shown(published, row("a", "ok"), token=TOKEN) as client:
        assert client.get("/", headers={"Authorization": said}).status_code == 200


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"Basic",
        b"Basic !!",
        b"Basic " + TOKEN.encode(),
        b"Basic " + base64.b64encode(TOKEN.encode()),
        b"Basic " + base64.b64encode(f"{TOKEN}:".encode()),
        b"Basic " + base64.b64encode(f"ops:{TOKEN}x".encode()),
        b"Basic " + base64.b64encode(b"ops:"),
        b"Bearer " + base64.b64encode(f"ops:{TOKEN}".encode()),
        b"Digest " + TOKEN.encode(),
    ],
)
def test_without_it_a_page_says_how(published: Path, said: bytes) -> None:
    """401, the browser asks for a password, and nothing of the system is told."""
    headers = {"Authorization": said} if said else {}
    with shown(published, row("a", "ok"), token=TOKEN) as client:
        client.headers.pop("Authorization")
        page = Page(client.get("/", headers=headers))
    assert page.answer.status_code == 401
    assert page.answer.headers["www-authenticate"].startswith('Basic realm="market_assets"')
    assert "as the password" in page.text
    assert "hyperliquid" not in page.answer.text
    assert "script" not in page.tags


def test_a_password_opens_nothing_else(published: Path) -> None:
    """The routes for programs take the bearer token alone, and no route takes it in an address."""
    password = "Basic " + base64.b64encode(f"ops:{TOKEN}".encode()).decode()
    with shown(published, row("a", "ok"), token=TOKEN) as client:
        for route in ("/api/v1/assets", "/metrics", "/nope", "/?"):
            status = client.get(route, headers={"Authorization": password}).status_code
            assert status == (200 if route == "/?" else 401), route
        client.headers.pop("Authorization")
        assert client.get("/", params={"token": TOKEN}).status_code == 401


def test_what_it_was_not_asked_is_refused_as_a_page(published: Path) -> None:
    """An unknown parameter, escaped; another method is an error like everywhere."""
    with shown(published, row("a", "ok")) as client:
        page = Page(client.get("/", params={"<b>": "1"}))
        assert client.post("/").status_code == 405
    assert page.answer.status_code == 400
    assert "no parameter '<b>' here" in page.text
    assert "b" not in page.tags


def test_a_fault_of_its_own_is_a_page_that_comes_again(published: Path) -> None:
    """With the id of the log's entry, and not with what went wrong."""

    class Unhealthy:
        @property
        def rows(self) -> tuple[Row, ...]:
            raise KeyError("phase")

    with served(published, health=Unhealthy) as client:  # type: ignore[arg-type]
        page = Page(client.get("/"))
    assert page.answer.status_code == 500
    assert re.search(r"logged as [0-9a-f]{8}", page.text)
    assert "phase" not in page.answer.text
    assert "script" in page.tags
