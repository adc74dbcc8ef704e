"""What is not answered: each code of an error, and that bad input does no harm."""

from __future__ import annotations

import re
from pathlib import Path

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from market_assets.api.errors import CODES
from market_assets_tests.api.serving import error_of, served

ROOT = Path(__file__).resolve().parent.parent.parent
CANDLES = "/api/v1/assets/BTC/candles"
SEARCH = "/api/v1/polymarket/markets/search"
DROP = "'; DROP TABLE hyperliquid_candles; --"


@pytest.mark.parametrize(
    ("query", "code", "named"),
    [
        ("limit=-1", "bad_limit", "limit is '-1'; it may be 1 to 5000"),
        ("limit=0", "bad_limit", "'0'"),
        ("limit=5001", "bad_limit", "'5001'"),
        ("limit=1.5", "bad_limit", "'1.5'"),
        ("limit=", "bad_limit", "''"),
        ("limit=1e3", "bad_limit", "'1e3'"),
        ("limit=%D9%A3", "bad_limit", "1 to 5000"),  # an Arabic three
        ("limit=99999999999999999999999", "bad_limit", "1 to 5000"),
        ("interval=2m", "bad_interval", "interval is '2m'; kept are 1m, 1h"),
        ("interval=1M", "bad_interval", "'1M'"),
        ("interval=5m", "bad_interval", "interval is '5m'; kept are 1m, 1h"),
        ("interval=1d", "bad_interval", "kept are 1m, 1h"),
        (f"interval={DROP}", "bad_interval", "kept are 1m"),
        ("from=yesterday", "bad_instant", "from is 'yesterday'"),
        ("to=NaN", "bad_instant", "to is 'NaN'"),
        ("from=inf", "bad_instant", "from is 'inf'"),
        ("from=-inf", "bad_instant", "from is '-inf'"),
        ("from=-1", "bad_instant", "from is '-1'"),
        ("from=1e308", "bad_instant", "1e308"),
        ("from=9999-12-31T23:59:59Z", "bad_instant", "2000 and 2100"),
        ("from=0001-01-01T00:00:00%2B14:00", "bad_instant", "from is"),
        ("to=2026-13-01", "bad_instant", "'2026-13-01'"),
        ("to=", "bad_instant", "to is ''"),
        ("from=2026-11-20T12:00:00Z&to=2026-11-20T11:00:00Z", "bad_span", "before to"),
        ("from=2026-11-20T12:00:00Z&to=2026-11-20T12:00:00Z", "bad_span", "before to"),
        ("from=2026-01-01&to=2026-01-05", "bad_span", "at 1m at most 3 days, 11:20:00"),
        ("from=2026-01-01&to=2026-01-05&interval=1m", "bad_span", "4 days"),
        ("limit=1&limit=2", "bad_parameter", "limit is given twice"),
        ("symbol=ETH", "bad_parameter", "symbol is given twice"),
        ("form=1", "unknown_parameter", "no parameter 'form' here; there are: interval, from"),
        ("%1B%5B31m=1", "unknown_parameter", r"'\x1b[31m'"),
    ],
)
def test_bad_parameters_are_named(api: httpx.Client, query: str, code: str, named: str) -> None:
    """A stable code, and one line that names the parameter and what it may be."""
    status, said, message = error_of(api.get(f"{CANDLES}?{query}"))
    assert (status, said) == (400, code)
    assert named in message
    assert "\n" not in message


@pytest.mark.parametrize(
    "query", ["", "q=", "q=%20%20", f"q={'x' * 101}", f"q={'é' * 101}", "q=a&limit=101"]
)
def test_a_search_needs_words_and_not_too_many(api: httpx.Client, query: str) -> None:
    """1 to 100 characters; 100 letters of two bytes each are still 100."""
    status, code, _ = error_of(api.get(f"{SEARCH}?{query}"))
    assert (status, code) == (400, "bad_limit" if "limit" in query else "bad_query")
    assert api.get(SEARCH, params={"q": "é" * 100}).status_code == 200


@pytest.mark.parametrize(
    "symbol",
    [
        "NOPE",
        "btc",
        "BTC ",
        "a/b/c",
        DROP,
        "%00",
        "%0A",
        "BTC%0A",
        "%0D%0ABTC",
        "a%0A/b",
        "x" * 500,
    ],
)
@pytest.mark.parametrize("what", ["latest", "candles"])
def test_an_unknown_symbol_is_404(api: httpx.Client, symbol: str, what: str) -> None:
    """With the symbol in the message, as far as it is short."""
    status, code, message = error_of(api.get(f"/api/v1/assets/{symbol}/{what}"))
    assert (status, code) == (404, "unknown_symbol")
    assert len(message) < 200


def test_sql_in_every_place_is_only_text(api: httpx.Client) -> None:
    """Searches find nothing of it, and all tables are there afterwards."""
    before = api.get("/api/v1/ingestion/dashboard").json()["sources"]
    for route in (SEARCH, "/api/v1/defillama/subjects/search"):
        answer = api.get(route, params={"q": DROP})
        assert (answer.status_code, answer.json()["count"]) == (200, 0)
    assert api.get(CANDLES, params={"from": DROP}).status_code == 400
    after = api.get("/api/v1/ingestion/dashboard").json()["sources"]
    assert [one["rows"] for one in after] == [one["rows"] for one in before]


@given(text=st.text(max_size=60))
@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_no_text_in_any_place_is_a_fault_of_the_server(api: httpx.Client, text: str) -> None:
    """Whatever is typed, the answer is an answer or an error that names it, never a 500."""
    for name in ("limit", "interval", "from", "to", text):
        assert api.get(CANDLES, params={name: text}).status_code in (200, 400)
    assert api.get(SEARCH, params={"q": text}).status_code in (200, 400)


@pytest.mark.parametrize(
    "route", ["/api", "/api/v1/assets/", "/api/v1/nope", "/docs", "/index.html"]
)
def test_an_unknown_route_is_404(api: httpx.Client, route: str) -> None:
    """As JSON, like every error."""
    assert error_of(api.get(route))[:2] == (404, "not_found")


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
def test_only_get_is_answered(api: httpx.Client, method: str) -> None:
    """The API is read-only, and says which methods there are."""
    response = api.request(method, "/api/v1/assets", content=b"x" * 100_000)
    assert error_of(response)[:2] == (405, "method_not_allowed")
    assert set(response.headers["allow"].split(", ")) == {"GET", "HEAD"}


def test_head_has_the_headers_and_no_body(api: httpx.Client) -> None:
    """As HTTP has it."""
    response = api.head("/api/v1/assets")
    assert (response.status_code, response.content) == (200, b"")
    assert response.headers["etag"]


def test_a_fault_is_an_id_in_the_log_and_no_traceback(
    published: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The client gets the id, the log the rest, once."""

    def broken(_: str) -> tuple[bytes, str]:
        raise RuntimeError("the secret of the house")

    with served(published, metrics=broken) as client:
        status, code, message = error_of(client.get("/metrics"))
    assert (status, code) == (500, "internal")
    assert "secret" not in message
    (record,) = (one for one in caplog.records if one.exc_info)
    assert message.split()[-1] in record.getMessage()


def test_every_code_is_documented(api: httpx.Client) -> None:
    """In the document, and on the page for users under its status."""
    said = api.get("/openapi.json").json()
    listed = said["components"]["schemas"]["Error"]["properties"]["error"]["properties"]["code"]
    assert listed["enum"] == list(CODES)
    lines = (ROOT / "docs" / "read-api.md").read_text("utf-8").splitlines()
    for code, (status, _) in CODES.items():
        (line,) = (one for one in lines if one.startswith("|") and f"`{code}`" in one)
        assert str(status) in line


def test_every_route_is_on_the_page_for_users(api: httpx.Client) -> None:
    """And the page names no other."""
    page = (ROOT / "docs" / "read-api.md").read_text("utf-8")
    routes = set(api.get("/openapi.json").json()["paths"])
    assert set(re.findall(r"^\| `(/\S*)`", page, re.MULTILINE)) == routes - {"/openapi.json"}


@pytest.mark.parametrize("token", ["8", "0" * 91, "BTC", "1%20or%201=1", "-1"])
def test_a_token_without_a_book_is_named(api: httpx.Client, token: str) -> None:
    """One that has levels and no head, too: half a book is none."""
    status, code, message = error_of(api.get(f"/api/v1/polymarket/books/{token}"))
    assert (status, code) == (404, "unknown_token")
    assert "token" in message
