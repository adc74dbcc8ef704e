"""Every fault really happens on the wire."""

from __future__ import annotations

import json
import socket
import time
from typing import TYPE_CHECKING

import httpx
import pytest
from websockets.exceptions import ConnectionClosed, ConnectionClosedOK, InvalidStatus

from market_assets_tests.simulated import Simulated, simulated
from market_assets_tests.simulator.test_stream import connected
from market_simulator.faults import (
    FAULTS,
    BadFault,
    FaultPlan,
    parsed,
    with_wrong_types,
)

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def shared() -> Iterator[Simulated]:
    with simulated(main=3, builder=1, spot=2) as running:
        yield running


@pytest.fixture
def venue(shared: Simulated) -> Iterator[Simulated]:
    yield shared
    shared.clear()


def ask(venue: Simulated, timeout: float = 5, **request: object) -> httpx.Response:
    return httpx.post(f"{venue.url}/info", json=request, timeout=timeout, trust_env=False)


@pytest.mark.parametrize(
    ("name", "status", "body", "media"),
    [
        ("http_429", 429, "null", "application/json"),
        ("http_500", 500, "null", "application/json"),
        ("http_502", 502, "<html>", "text/html"),
        ("http_html", 200, "<!DOCTYPE html>", "text/html"),
        ("http_null", 200, "null", "application/json"),
    ],
)
def test_wrong_answers(venue: Simulated, name: str, status: int, body: str, media: str) -> None:
    """Status, body and media type are as named, as often as was asked for, where it was."""
    venue.control(name=name, type="meta", count=2)
    assert ask(venue, type="allMids").status_code == 200
    for _ in range(2):
        answer = ask(venue, type="meta")
        assert answer.status_code == status
        assert answer.text.startswith(body)
        assert answer.headers["content-type"].startswith(media)
    assert ask(venue, type="meta").status_code == 200
    assert venue.stats()["strikes"][name] == 2


def test_no_answer(venue: Simulated) -> None:
    """The client's own time-out ends it; others are served meanwhile."""
    venue.control(name="http_timeout", coin="BTC")
    with pytest.raises(httpx.ReadTimeout):
        ask(venue, 0.3, type="l2Book", coin="BTC")
    assert ask(venue, type="l2Book", coin="ETH").status_code == 200


def test_cut_body(venue: Simulated) -> None:
    """Fewer bytes than announced, then the end of the connection."""
    venue.control(name="http_cut", count=1)
    with pytest.raises(httpx.RemoteProtocolError, match=r"incomplete|peer closed"):
        ask(venue, type="spotMeta")
    assert ask(venue, type="spotMeta").status_code == 200


def test_wrong_types_in_answers_and_frames(venue: Simulated) -> None:
    """One coin's values are of types that nobody expects; the others' are as ever."""
    good = venue.info(type="allMids")
    venue.control(name="wrong_types", coin="ETH")
    mids = venue.info(type="allMids")
    assert isinstance(mids["ETH"], dict)
    assert isinstance(mids["BTC"], str)
    assert set(mids) == set(good)
    meta = venue.info(type="meta")["universe"]
    assert isinstance(next(a for a in meta if a["name"] == "ETH")["szDecimals"], list)
    with connected(venue) as ws:
        ws.subscribe(type="allMids")
        frame = ws.until("allMids")["data"]["mids"]
        assert isinstance(frame["ETH"], dict)
        ws.subscribe(type="bbo", coin="ETH")
        assert isinstance(ws.until("bbo")["data"]["bbo"], list)
        assert isinstance(ws.until("bbo")["data"]["time"], list)
        ws.subscribe(type="bbo", coin="BTC")
        while (quote := ws.until("bbo")["data"])["coin"] != "BTC":
            pass
        assert isinstance(quote["time"], int)


def test_drop_resets_the_connection(venue: Simulated) -> None:
    """No closing handshake: the client sees an abnormal closure."""
    with connected(venue) as one, connected(venue) as two:
        venue.control(name="drop", count=1)
        with pytest.raises(ConnectionClosed) as closed:
            one.next()
        assert closed.value.rcvd is None
        two.send({"method": "ping"})
        assert two.next() == {"channel": "pong"}


def test_close_is_polite(venue: Simulated) -> None:
    """A closing handshake with code 1000."""
    with connected(venue) as ws:
        venue.control(name="close")
        with pytest.raises(ConnectionClosedOK):
            ws.next()


def test_drop_again_and_again(venue: Simulated) -> None:
    """With `every`, each new connection lives until the next strike."""
    venue.control(name="drop", every=0.2)
    for _ in range(3):
        with connected(venue) as ws, pytest.raises(ConnectionClosed):
            ws.next()


def test_silent_but_pong(venue: Simulated) -> None:
    """Pings are answered, subscriptions acknowledged, and no data comes."""
    with connected(venue) as ws:
        venue.control(name="silent_but_pong")
        ws.subscribe(type="allMids")
        assert ws.next()["channel"] == "subscriptionResponse"
        ws.send({"method": "ping"})
        assert ws.next() == {"channel": "pong"}
        ws.subscribe(type="bbo", coin="BTC")
        assert ws.next()["channel"] == "subscriptionResponse"
        with pytest.raises(TimeoutError):
            ws.next(0.8)
        venue.clear()
        ws.until("bbo")


def test_freeze_answers_nothing_at_all(venue: Simulated) -> None:
    """Not even protocol pings, nor new handshakes; after it, everything again."""
    with connected(venue, ping_interval=None) as ws:
        ws.subscribe(type="bbo", coin="BTC")
        ws.until("bbo")
        venue.control(name="freeze")
        deadline = time.monotonic() + 5
        while True:  # a frame may be on its way
            try:
                ws.next(0.5)
            except TimeoutError:
                break
            assert time.monotonic() < deadline
        waiter = ws.raw.ping()
        assert not waiter.wait(0.5)
        with pytest.raises(TimeoutError), connected(venue, open_timeout=0.4):
            pass
        venue.clear()
        assert waiter.wait(5)
        ws.until("bbo")


def test_unknown_channels_and_text_that_is_not_json(venue: Simulated) -> None:
    """Frames that a client must survive."""
    with connected(venue) as ws:
        venue.control(name="unknown_channel")
        assert ws.next()["channel"] == "brandNewChannel"
        venue.control(name="not_json")
        with pytest.raises(json.JSONDecodeError):
            ws.next()


def test_duplicates(venue: Simulated) -> None:
    """Each frame of the channel comes twice."""
    venue.control(name="duplicate", channel="bbo", coin="BTC")
    with connected(venue) as ws:
        ws.subscribe(type="bbo", coin="BTC")
        assert ws.until("bbo") == ws.until("bbo")


def test_late_frames_are_overtaken(venue: Simulated) -> None:
    """A frame that was held back arrives after newer ones."""
    with connected(venue) as ws:
        ws.subscribe(type="l2Book", coin="BTC", fast=True)
        ws.until("l2Book")
        venue.control(name="late", channel="l2Book", count=1)
        times = [ws.until("l2Book")["data"]["time"] for _ in range(5)]
        assert times != sorted(times)
        assert len(set(times)) == 5


def test_refused_connections(venue: Simulated) -> None:
    """Sockets are reset, nobody listens for the given time, then all is well again."""
    with connected(venue) as ws:
        venue.control(name="refuse", seconds=0.7)
        with pytest.raises(ConnectionClosed):
            ws.next()
    host, port = venue.url.removeprefix("http://").split(":")
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((host, int(port)), 1).close()
    deadline = time.monotonic() + 10
    while True:
        try:
            assert venue.info(type="meta")["universe"]
            break
        except ConnectionError:
            assert time.monotonic() < deadline


def test_unavailable(venue: Simulated) -> None:
    """502 on every path, the handshake included; open sockets are reset; control still works."""
    with connected(venue) as ws:
        venue.control(name="unavailable")
        with pytest.raises(ConnectionClosed):
            ws.next()
    answer = ask(venue, type="meta")
    assert answer.status_code == 502
    assert "<html>" in answer.text
    with pytest.raises(InvalidStatus) as refused, connected(venue):
        pass
    assert refused.value.response.status_code == 502
    venue.clear("unavailable")
    assert ask(venue, type="meta").status_code == 200


def test_faults_of_the_command_line_are_in_force_from_the_start() -> None:
    """`http_500,type=meta,count=1`."""
    with simulated(main=1, builder=0, spot=1, faults=("http_500,type=meta,count=1",)) as venue:
        assert ask(venue, type="meta").status_code == 500
        assert ask(venue, type="meta").status_code == 200


@pytest.mark.parametrize(
    ("spec", "why"),
    [
        ({"name": "earthquake"}, "unknown fault"),
        ({"name": "drop", "colour": "red"}, "unknown field"),
        ({"name": "drop", "count": "many"}, "not a number"),
        ({"name": "refuse"}, "needs seconds"),
        ({"name": "late", "one_in": 0}, "at least 1"),
    ],
)
def test_faults_that_make_no_sense_are_refused(
    venue: Simulated, spec: dict[str, object], why: str
) -> None:
    """With a reason, by the plan and by the control route."""
    with pytest.raises(BadFault, match=why):
        FaultPlan().add(spec)
    answer = httpx.post(f"{venue.url}/__control__/faults", json=spec, trust_env=False)
    assert answer.status_code == 400
    assert why in answer.json()["error"]


def test_the_form_of_the_command_line() -> None:
    """NAME, then KEY=VALUE for each trait, between commas."""
    assert parsed("drop") == {"name": "drop"}
    assert parsed("http_500,coin=xyz:TSLA,count=2") == {
        "name": "http_500",
        "coin": "xyz:TSLA",
        "count": "2",
    }
    with pytest.raises(BadFault, match="KEY=VALUE"):
        parsed("drop,soon")


def test_one_in_strikes_every_nth_chance() -> None:
    """So a fault can be frequent without being constant."""
    plan = FaultPlan()
    plan.add({"name": "duplicate", "one_in": 3})
    struck = [bool(plan.strike("duplicate", channel="candle", coin="BTC")) for _ in range(6)]
    assert struck == [False, False, True, False, False, True]


def test_a_scope_that_a_place_does_not_have_never_fits() -> None:
    """A fault for a request type leaves frames alone, and the other way round."""
    plan = FaultPlan()
    plan.add({"name": "wrong_types", "type": "meta", "coin": "BTC"})
    assert plan.strike("wrong_types", channel="candle", coin="BTC") is None
    assert plan.strike("wrong_types", path="/info", type="meta", coin="BTC") is not None


def test_wrong_types_reach_objects_keys_and_pairs() -> None:
    """The three ways in which a coin's values stand in answers."""
    tree = {"ETH": "1", "rows": [{"coin": "ETH", "px": "2"}, ["ETH", {"a": 1}], ["BTC", 3]]}
    assert with_wrong_types(tree, "ETH") == {
        "ETH": {"unexpected": "1"},
        "rows": [
            {"coin": "ETH", "px": [{"unexpected": "2"}]},
            ["ETH", {"unexpected": {"a": 1}}],
            ["BTC", 3],
        ],
    }


def test_every_fault_is_described(venue: Simulated) -> None:
    """GET lists all names with what they do."""
    answer = httpx.get(f"{venue.url}/__control__/faults", trust_env=False)
    assert answer.json() == FAULTS
