"""Whether the venues can be reached from here at all; a process of its own, for its memory.

Any answer counts, whatever it says: what a venue does is its channels' business.
"""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

import click

from market_assets.settings import load

if TYPE_CHECKING:
    from market_assets.settings import Settings

_TIMEOUT_S: Final = 8.0


def reach() -> None:
    """Ask each venue's address for anything; print why it could not be had, or null, by host."""
    settings = load()
    urls = addresses(settings)
    with ThreadPoolExecutor(max(1, len(urls))) as pool:
        found = dict(zip(urls, pool.map(lambda url: _why_not(url, settings), urls), strict=True))
    click.echo(json.dumps({urlsplit(url).netloc: why for url, why in found.items()}))


def addresses(settings: Settings) -> list[str]:
    """Where data is read from over HTTP, of the sources that are on."""
    every = {
        "hyperliquid": (settings.hyperliquid_api_url,),
        "polymarket": (
            settings.polymarket_gamma_url,
            settings.polymarket_data_url,
            settings.polymarket_clob_url,
        ),
        "defillama": (settings.defillama_api_url, settings.defillama_stablecoins_url),
    }
    wanted = [url for source, urls in every.items() if settings.sources.has(source) for url in urls]
    return list(dict.fromkeys(wanted))


def nothing_is_reached(said: str) -> str | None:
    """In a line what stands between here and all venues; None if one answers, or nobody knows.

    Args:
        said: what `reach` printed.
    """
    try:
        found: dict[str, str | None] = json.loads(said)
    except ValueError:
        return None
    if not found or None in found.values():
        return None
    by_cause: dict[str, list[str]] = {}
    for host, why in found.items():
        by_cause.setdefault(str(why), []).append(host)
    causes = "; ".join(f"{why} ({', '.join(hosts)})" for why, hosts in by_cause.items())
    return (
        f"no venue can be reached: {causes}. Without the internet: UPSTREAM=simulated make run; "
        "behind a proxy: HTTPS_PROXY"
    )


def _why_not(url: str, settings: Settings) -> str | None:
    from market_assets.sources.errors import VenueError, VenueUnavailable  # noqa: PLC0415 - httpx
    from market_assets.sources.http import HttpTransport  # noqa: PLC0415 - as above
    from market_assets.sources.retry import RetryPolicy  # noqa: PLC0415 - as above

    once = RetryPolicy(attempts=1, deadline=_TIMEOUT_S)
    transport = HttpTransport(
        url, "venue", timeout=_TIMEOUT_S, proxies=settings.proxies, retry=once
    )
    try:
        transport.get_json("/")
    except VenueUnavailable as error:
        if error.__cause__ is None:  # an answer, though none of the venue's own
            return None
        return f"{type(error.__cause__).__name__} {error.__cause__}".strip()
    except VenueError:
        return None
    finally:
        transport.close()
    return None


if __name__ == "__main__":
    reach()
