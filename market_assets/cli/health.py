"""`status`, `check` and `cadence`: how the channels are, as a table, as JSON, as an exit code."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Final

import click

from market_assets.cli.stream_summary import summaries
from market_assets.clock import as_words
from market_assets.settings import load
from market_assets.switches import footnote
from market_assets.tables import FOR_EVER, TABLES

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import timedelta

    from rich.console import Console
    from rich.table import Table

    from market_assets.operations.health.statuses import Health
    from market_assets.settings import Settings

_PIPE_WIDTH: Final = 200
_COLOURS: Final = {
    "ok": "green",
    "running": "cyan",
    "stale": "yellow",
    "failed": "red",
    "missing": "magenta",
}


@click.command()
@click.option("--json", "as_json", is_flag=True, help="The same as JSON, for programs.")
def status(*, as_json: bool) -> None:
    """Show how every channel is: status, age, cadence, rows written, last error."""
    from market_assets.operations.health.streams import read_streams  # noqa: PLC0415 - `--help` need not pay

    settings = load()
    found = _health(settings)
    off = {one.source for one in found.off}
    streams = read_streams(settings.machine, off=settings.sources.without_stream)
    if as_json:
        accounts = {name: stream.account for name, stream in streams.items()}
        said = {
            **found.as_json(),
            "stream": accounts.get("hyperliquid"),
            "streams": accounts,
        }
        click.echo(json.dumps(said, indent=2, default=str))
        return
    console = wide_console()
    console.print(status_table(found))
    for line in summaries(streams):
        console.print(line, markup=False, soft_wrap=True)
    if "hyperliquid" not in off:
        console.print(_requests_line(settings), markup=False)
    if said_off := footnote(found.off):
        console.print(said_off, markup=False, soft_wrap=True)


@click.command()
def check() -> None:
    """Exit with 0 where all is ok or running, 1 where anything is late or failed, 2 if unknown."""
    try:
        found = _health(load())
    except Exception as error:  # noqa: BLE001 - whatever it was, there is no verdict
        click.echo(f"no verdict: {' '.join(str(error).split())}", err=True)
        sys.exit(2)
    bad = [row for row in found.rows if not row.is_good]
    for row in bad:
        why = f": {row.last_error}" if row.last_error else ""
        click.echo(f"{row.source}/{row.channel} is {row.status}{why}")
    if not bad:
        click.echo(f"all {len(found.rows)} channels are ok")
    if said_off := footnote(found.off):
        click.echo(said_off)
    sys.exit(1 if bad else 0)


@click.command()
def cadence() -> None:
    """Show how often each channel is due, when it counts as stale, and how long rows are kept."""
    settings = load()
    table = plain_table("channel", "cadence", "stale after", "assets", "kept")
    for channel in settings.sources.channels:
        kept = [
            f"{rule.only[1] + ' ' if rule.only else ''}{_span(age)}"
            for spec in TABLES
            if spec.name in channel.assets
            for rule in spec.retention
            if (age := settings.retention[rule.setting]) < FOR_EVER
        ]
        how = "stream, " if channel.mode == "stream" else ""
        table.add_row(
            channel.label,
            how + _span(channel.cadence),
            _span(channel.freshness_window),
            "\n".join(channel.assets),
            "\n".join(kept) or "always",
        )
    console = wide_console()
    console.print(table)
    if said_off := footnote(settings.sources.off):
        console.print(said_off, markup=False, soft_wrap=True)


def status_table(found: Health) -> Table:
    """The health as a table for people; colours show only where a terminal does."""
    table = plain_table(
        "channel", "status", "age", "cadence", "stale after", "rows written", "last error"
    )
    for row in found.rows:
        colour = _COLOURS[row.status]
        table.add_row(
            f"{row.source}/{row.channel}",
            f"[{colour}]{row.status}[/{colour}]",
            "never" if row.age_s is None else as_words(row.age_s),
            as_words(row.expected_cadence_s),
            as_words(row.stale_after_s),
            "" if row.rows_written is None else f"{row.rows_written:,}",
            row.last_error or "",
        )
    return table


def _health(settings: Settings) -> Health:
    from market_assets.cli.instance import open_instance  # noqa: PLC0415
    from market_assets.clock import SystemClock  # noqa: PLC0415 - `--help` need not pay for these
    from market_assets.definitions import defs  # noqa: PLC0415
    from market_assets.operations.health.report import report, watched  # noqa: PLC0415
    from market_assets.operations.health.storage import Storage  # noqa: PLC0415

    switches = settings.sources
    expected = watched(defs().get_repository_def(), switches.channels, switches.off)
    with open_instance(settings) as instance:
        return report(
            instance,
            watched=expected,
            machine=settings.machine,
            now=SystemClock().now(),
            storage=Storage(settings.market_db, settings.publish_bytes_per_second),
        )


def _requests_line(settings: Settings) -> str:
    """What the last minute cost of the venue's request weight, over all processes."""
    from market_assets.sources.hyperliquid.weights import weight_budget  # noqa: PLC0415

    path = settings.machine.budget("hyperliquid")
    if not path.exists():
        return "requests  none yet"
    stats = weight_budget(path, share=settings.weight_share).stats()
    spent = sum(stats.spent.values())
    paused = f", paused for {stats.blocked_s:.0f} s" if stats.blocked_s else ""
    return (
        f"requests  {spent} of {stats.per_window} weight in the last minute, "
        f"{stats.refusals} answered 429{paused}"
    )


def wide_console() -> Console:
    """A console as wide as the terminal; a pipe has no width, and gets no wrapped lines."""
    from rich.console import Console  # noqa: PLC0415 - `--help` need not pay for it

    return Console(highlight=False, width=None if sys.stdout.isatty() else _PIPE_WIDTH)


def plain_table(
    *columns: str, right: Collection[str] = ("age", "cadence", "stale after", "rows written")
) -> Table:
    """A table without lines between its rows; the columns of numbers stand to the right."""
    from rich import box  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        table.add_column(
            column,
            justify="right" if column in right else "left",
            overflow="fold",
            no_wrap=column != "last error",
        )
    return table


def _span(length: timedelta) -> str:
    return as_words(length.total_seconds())
