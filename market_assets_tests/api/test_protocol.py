"""What comes over the wire beyond all bounds, or is no HTTP at all."""

from __future__ import annotations

import http.client
import json
import socket
import threading
from collections.abc import Iterable
from urllib.parse import urlsplit

import httpx
import pytest

from market_assets.api.protocol import MOST_ADDRESS, MOST_HEAD
from market_assets_tests.api.serving import error_of

MEGABYTE = 1_000_000


def talk(api: httpx.Client, chunks: Iterable[bytes]) -> tuple[str, bytes]:
    """Send bytes as they are; the status line and the body of what comes back."""
    where = urlsplit(str(api.base_url))
    with socket.create_connection((where.hostname, where.port), timeout=30) as connection:
        for chunk in chunks:
            connection.sendall(chunk)
        answer = b""
        while b"\r\n\r\n" not in answer or not answer.endswith(b"}"):
            received = connection.recv(65536)
            if not received:
                break
            answer += received
    head, _, body = answer.partition(b"\r\n\r\n")
    return head.split(b"\r\n")[0].decode(), body


def test_a_query_of_ten_megabytes_is_414(api: httpx.Client) -> None:
    """As JSON, to a client that sends all of it before it listens."""
    where = urlsplit(str(api.base_url))
    assert where.hostname is not None
    connection = http.client.HTTPConnection(where.hostname, where.port, timeout=60)
    try:
        connection.request("GET", "/api/v1/polymarket/markets/search?q=" + "x" * (10 * MEGABYTE))
        response = connection.getresponse()
        said = json.loads(response.read())
    finally:
        connection.close()
    assert response.status == 414
    assert response.getheader("content-type") == "application/json"
    assert said["error"]["code"] == "uri_too_long"
    assert api.get("/api/v1/assets").status_code == 200


def test_many_that_send_ten_megabytes_at_once_are_all_told(api: httpx.Client) -> None:
    """Collecting ends at the bound for each of them, and others are answered meanwhile."""
    said: list[str] = []

    def send() -> None:
        chunks = [b"GET /?q=", *(b"x" * MEGABYTE for _ in range(10)), b" HTTP/1.1\r\n\r\n"]
        said.append(talk(api, chunks)[0])

    threads = [threading.Thread(target=send) for _ in range(8)]
    for thread in threads:
        thread.start()
    assert api.get("/api/v1/assets").status_code == 200
    for thread in threads:
        thread.join(60)
    assert said == ["HTTP/1.1 414 URI Too Long"] * 8


@pytest.mark.parametrize("over", [-40, 1])
def test_the_bound_of_an_address_is_where_it_is_said(api: httpx.Client, over: int) -> None:
    """Just below is an answer (that q is too long), just above is 414."""
    route = "/api/v1/polymarket/markets/search?q="
    response = api.get(route + "x" * (MOST_ADDRESS - len(route) + over))
    assert error_of(response)[:2] == ((414, "uri_too_long") if over > 0 else (400, "bad_query"))


@pytest.mark.parametrize("pieces", [1, 50])
def test_headers_without_end_are_431(api: httpx.Client, pieces: int) -> None:
    """In one header or in many, whole or never ending."""
    headers = {f"x-{n}": "y" * (MOST_HEAD // pieces) for n in range(pieces)}
    assert error_of(api.get("/api/v1/assets", headers=headers))[:2] == (431, "headers_too_large")
    endless = (b"GET / HTTP/1.1\r\nx: ", *(b"y" * 50_000 for _ in range(20)))
    assert talk(api, endless)[0] == "HTTP/1.1 431 Request Header Fields Too Large"


@pytest.mark.parametrize("said", [b"hello\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n"])
def test_what_is_not_http_is_400_as_json(api: httpx.Client, said: bytes) -> None:
    """Somebody's typing, or a TLS client."""
    line, body = talk(api, [said])
    assert line == "HTTP/1.1 400 Bad Request"
    assert b'"bad_request"' in body


def test_two_requests_on_one_connection_are_both_answered(api: httpx.Client) -> None:
    """The count of a head begins anew with each request."""
    padding = "z" * (MOST_HEAD * 2 // 3)
    for _ in range(3):
        assert api.get("/api/v1/assets", headers={"x-padding": padding}).status_code == 200
