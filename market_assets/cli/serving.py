"""`api`: the read API, until Ctrl-C."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Final

import click

from market_assets.cli.stream_summary import summaries
from market_assets.settings import load
from market_assets.version import __version__

if TYPE_CHECKING:
    from collections.abc import Callable

    from dagster import DagsterInstance

    from market_assets.api.app import Application
    from market_assets.operations.health.report import Watched
    from market_assets.operations.health.statuses import Health
    from market_assets.settings import Settings

_RECENT_S: Final = 2.0
"""Health is found out again when it is older: hundreds of clients cost one look at Dagster."""


@click.command()
@click.option(
    "--host",
    default="127.0.0.1",
    show_default=True,
    help="Where to listen; other than loopback only with MARKET_API_TOKEN set.",
)
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8000,
    show_default=True,
    help="0 takes any free one.",
)
def api(host: str, port: int) -> None:
    """Serve the published database over HTTP, read-only, until Ctrl-C."""
    from market_assets.api.server import base_url, listen, server  # noqa: PLC0415 - starlette

    settings = load()
    listener = listen(host, port, has_token=bool(settings.api_token))
    reporter = Reporter(settings)
    app = application(settings, reporter)
    who = "with the token" if settings.api_token else "from this machine"
    click.echo(f"{base_url(listener)}/  answers {who} (routes: /openapi.json); Ctrl-C stops it")
    try:
        # uvicorn stops in order at the first signal, and then raises it again for its caller.
        with contextlib.suppress(KeyboardInterrupt):
            server(app).run(sockets=[listener])
    finally:
        app.close()
        reporter.close()


def application(settings: Settings, reporter: Callable[[], Health]) -> Application:
    """The application that the settings describe.

    Args:
        settings: the project's.
        reporter: finds out how the system is.
    """
    from market_assets.api.app import Application, Parts  # noqa: PLC0415 - starlette and duckdb
    from market_assets.api.worker import Recent  # noqa: PLC0415
    from market_assets.clock import SystemClock  # noqa: PLC0415
    from market_assets.operations.health.streams import read_streams  # noqa: PLC0415
    from market_assets.operations.metrics.exposition import Metrics  # noqa: PLC0415
    from market_assets.operations.metrics.totals import RunTotals  # noqa: PLC0415
    from market_assets.storage.opening import open_snapshots  # noqa: PLC0415

    clock = SystemClock()
    off = {one.source for one in settings.sources.off}
    silent = settings.sources.without_stream
    published = open_snapshots(settings.market_db)
    health = Recent(reporter, seconds=_RECENT_S)
    totals = RunTotals(
        settings.machine.run_totals,
        keep=settings.retention["MARKET_KEEP_INGESTION_RUNS_HOURS"],
        clock=clock,
        off=off,
    )
    metrics = Metrics(
        published=published,
        market_db=settings.market_db,
        totals=totals,
        health=health,
        clock=clock,
        off=silent,
    )
    return Application(
        Parts(
            published=published,
            health=health,
            metrics=metrics.text,
            clock=clock,
            version=__version__,
            token=settings.api_token,
            stream=lambda: summaries(read_streams(settings.machine, off=silent)),
        )
    )


class Reporter:
    """Asks Dagster how the system is; what that imports takes a second, at the first question.

    For one thread at a time, as `Recent` sees to.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._instance: DagsterInstance | None = None
        self._watched: Watched | None = None

    def __call__(self) -> Health:
        """How the system is now."""
        from market_assets.cli.instance import open_instance  # noqa: PLC0415
        from market_assets.clock import SystemClock  # noqa: PLC0415
        from market_assets.definitions import defs  # noqa: PLC0415
        from market_assets.operations.health.report import report, watched  # noqa: PLC0415
        from market_assets.operations.health.storage import Storage  # noqa: PLC0415

        if self._watched is None:
            switches = self._settings.sources
            repository = defs().get_repository_def()
            self._watched = watched(repository, switches.channels, switches.off)
        if self._instance is None:
            self._instance = open_instance(self._settings)
        return report(
            self._instance,
            watched=self._watched,
            machine=self._settings.machine,
            now=SystemClock().now(),
            storage=Storage(self._settings.market_db, self._settings.publish_bytes_per_second),
        )

    def close(self) -> None:
        """Let Dagster's instance go."""
        if self._instance is not None:
            self._instance.dispose()
