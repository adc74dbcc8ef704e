"""A body that cannot be read is a `VenueError`, in the same words for every venue."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest

from market_assets.clock import ManualClock, from_ms
from market_assets.sources.decoding import decoded
from market_assets.sources.defillama.client import DefiLlamaClient
from market_assets.sources.errors import VenueNonsense, VenueUnavailable
from market_assets.sources.hyperliquid.client import HyperliquidClient
from market_assets.sources.polymarket.gamma import GammaClient
from market_assets.sources.retry import RetryPolicy
from market_assets_tests.sources.broken import ENDLESS
from market_assets_tests.sources.http_server import Reply, Server, serving

if TYPE_CHECKING:
    from collections.abc import Callable

    from market_assets.sources.errors import VenueError

_texts = msgspec.json.Decoder(dict[str, str])
_anything = msgspec.json.Decoder()
ONCE = RetryPolicy(attempts=1)
CLOCK = ManualClock(from_ms(1_795_000_000_000))
DEEP = b"[" * ENDLESS + b"]" * ENDLESS
NO_UTF8 = b'{"name": "\xff\xfe"}'


@pytest.mark.parametrize(
    ("body", "decoder", "error", "said"),
    [
        (b'{"a": 1}', _texts, VenueNonsense, "Expected `str`, got `int`"),
        (DEEP, _anything, VenueNonsense, "nested without end"),
        (b'{"a": "\xff"}', _texts, VenueUnavailable, "cut or no JSON"),
        (b'{"a": "b', _texts, VenueUnavailable, "cut or no JSON"),
    ],
    ids=["another shape", "deep", "no UTF-8", "cut"],
)
def test_whatever_cannot_be_read_is_an_error_of_the_venue(
    body: bytes, decoder: msgspec.json.Decoder[object], error: type[VenueError], said: str
) -> None:
    """Another shape stays as it is; what is cut or garbled may be whole the next time."""
    with pytest.raises(error, match=f"somebody: /things: {said}"):
        decoded("somebody", "/things", body, decoder.decode)


def hyperliquid(server: Server) -> object:
    """A question to Hyperliquid."""
    client = HyperliquidClient(server.url, clock=CLOCK, retries=ONCE)
    return _closing(client, client.categories)


def polymarket(server: Server) -> object:
    """A question to Polymarket."""
    client = GammaClient(server.url, clock=CLOCK, retries=ONCE)
    return _closing(client, client.tags)


def defillama(server: Server) -> object:
    """A question to DefiLlama."""
    client = DefiLlamaClient(server.url, server.url, clock=CLOCK, retries=ONCE)
    return _closing(client, lambda: client.overview("fees"))


def _closing(
    client: HyperliquidClient | GammaClient | DefiLlamaClient, ask: Callable[[], object]
) -> object:
    try:
        return ask()
    finally:
        client.close()


@pytest.mark.parametrize(
    ("ask", "body"),
    [(hyperliquid, DEEP), (polymarket, DEEP), (defillama, b'{"protocols": ' + DEEP + b"}")],
)
def test_every_client_has_an_endless_answer_as_nonsense(
    ask: Callable[[Server], object], body: bytes
) -> None:
    """Nesting that no decoder follows is no fault of the program's."""
    with serving() as server:
        server.default = lambda _request: Reply(body=body)
        with pytest.raises(VenueNonsense):
            ask(server)


def test_a_chain_with_garbled_text_costs_only_itself() -> None:
    """The rows beside it are read."""
    with serving() as server:
        server.default = lambda _request: Reply(
            body=b'[{"name": "Ethereum", "tvl": 1}, ' + NO_UTF8 + b"]"
        )
        client = DefiLlamaClient(server.url, server.url, clock=CLOCK, retries=ONCE)
        listed = _closing(client, client.chains)
    assert [chain.name for chain in listed.items] == ["Ethereum"]  # type: ignore[attr-defined]  # a Listed
    assert list(listed.rejected) == ["row 1"]  # type: ignore[attr-defined]  # as above
