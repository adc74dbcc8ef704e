"""The command `market-assets`: what a user types. Each group of commands is a module beside this.

Commands import what they need when they run, so that `--help` answers at once.
"""

from __future__ import annotations

import logging
import sys
from typing import Final

import click

from market_assets.cli import completeness, data, exporting, health, run, serving, spool, venues
from market_assets.logs import JsonLines, cleaned, install, level_of
from market_assets.settings import environment, known_secrets, log_format, log_level
from market_assets.settings.values import SettingError
from market_assets.version import __version__

_LOG: Final = logging.getLogger("market_assets.cli")


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="market-assets")
def cli() -> None:
    """A complete, fresh, provable memory of crypto and prediction markets in one DuckDB file."""


for command in (
    health.status,
    health.check,
    health.cadence,
    completeness.completeness,
    venues.probe,
    venues.simulate,
    data.stream,
    data.maintain,
    data.publish,
    exporting.export,
    spool.spool,
    serving.api,
    run.run,
    run.setup,
):
    cli.add_command(command)


_OURS: Final = ("market_assets", "market_simulator")
"""Packages whose errors say what a user can do."""


def main() -> None:
    """Run a command; an error that a user can act on is one line and exit code 1."""
    try:
        _install_logs()
        cli.main(prog_name="market-assets", standalone_mode=False)
    except click.exceptions.Abort:
        click.echo("stopped", err=True)
        sys.exit(130)
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        sys.exit(error.exit_code)
    except click.ClickException as error:
        context = getattr(error, "ctx", None)
        where = context.command_path if context is not None else "market-assets"
        _complain(where, error.format_message())
        sys.exit(error.exit_code)
    except Exception as error:
        package = type(error).__module__.partition(".")[0]
        if not isinstance(error, OSError) and package not in _OURS:
            raise
        _complain("market-assets", str(error))
        sys.exit(1)


def _install_logs() -> None:
    """Logs as LOG_FORMAT and LOG_LEVEL say, without what the secret variables hold."""
    variables = environment()
    form = log_format(variables)
    usual = logging.INFO if form == "json" else logging.WARNING
    install(form, secrets=known_secrets(), level=level_of(log_level(variables), usual))


def _complain(where: str, message: str) -> None:
    """The one line that says why a command failed."""
    line = cleaned(f"{where}: {' '.join(message.split())}", _secrets())
    if isinstance(sys.stderr, JsonLines):
        _LOG.error("%s", line)
    else:
        click.echo(line, err=True)


def _secrets() -> tuple[str, ...]:
    try:
        return known_secrets()
    except SettingError:  # `.env` cannot be read, so none of its values was
        return ()


if __name__ == "__main__":
    main()
