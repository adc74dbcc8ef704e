"""`probe` and `simulate`: a venue looked at without the database, and venues made up."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Final

import click

from market_assets.cli.probes import SOURCES, probe_of
from market_assets.settings import load

BOOK_CHANGES: Final = 0.5
"""How often a second each simulated book changes unless told otherwise: with 200 tracked markets
some 100 changes a second, of which the market channel makes about 220 frames."""
VENUES_ARE_UP = "# the simulated venues are up; Ctrl-C stops them"
"""The last line that `simulate` prints, once all its variables are out."""


book_changes_option = click.option(
    "--book-changes",
    type=click.FloatRange(min=0.0),
    default=BOOK_CHANGES,
    show_default=True,
    help="How often a second each simulated order book of Polymarket changes.",
)


@click.command()
@click.argument("source", metavar="SOURCE", type=click.Choice(SOURCES))
@click.option(
    "--limit", type=click.IntRange(1, 1000), default=5, show_default=True, help="Rows per table."
)
def probe(source: str, limit: int) -> None:
    """Call a venue, decode what it says and print the rows; touches no database."""
    probe_of(source)(load(), limit)


@click.command()
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    help="Port on loopback; 0 takes any free one.  [default: MARKET_SIMULATOR_PORT]",
)
@click.option("--seed", type=int, default=1, show_default=True, help="Same seed, same market.")
@click.option(
    "--recordings",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Serve recorded payloads from this folder instead.",
)
@click.option(
    "--speed",
    type=click.FloatRange(min=0.01),
    default=1.0,
    show_default=True,
    help="How many times as fast as the clock.",
)
@book_changes_option
@click.option(
    "--fault",
    "faults",
    multiple=True,
    metavar="NAME[,KEY=VALUE…]",
    help="Misbehave from the start, e.g. drop,every=30 or http_429,count=5; may be repeated.",
)
def simulate(
    *,
    port: int | None,
    seed: int,
    recordings: Path | None,
    speed: float,
    book_changes: float,
    faults: tuple[str, ...],
) -> None:
    """Run the simulated venues: their own protocols, on one loopback port."""
    from market_simulator import server  # noqa: PLC0415 - imports the web server
    from market_simulator.config import SimulatorConfig  # noqa: PLC0415 - imports NumPy
    from market_simulator.polymarket.size import PolymarketSize  # noqa: PLC0415 - as its package

    config = SimulatorConfig(
        port=load().simulator_port if port is None else port,
        seed=seed,
        recordings=recordings,
        speed=speed,
        polymarket_size=PolymarketSize(book_changes=book_changes),
        faults=faults,
    )

    def ready(listening: server.Listening) -> None:
        for note in listening.notes:
            click.echo(f"# {note}")
        for name, value in listening.environment.items():
            click.echo(f"export {name}={value}")
        click.echo("export UPSTREAM=simulated")
        click.echo(VENUES_ARE_UP)

    with contextlib.suppress(KeyboardInterrupt):
        server.serve(config, on_ready=ready)
