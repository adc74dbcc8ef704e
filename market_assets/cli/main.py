"""The command `market-assets`: what a user types. Each group of commands is a module beside this.

Commands import what they need when they run, so that `--help` answers at once.
"""

from __future__ import annotations

import sys

import click

from market_assets import __version__
from market_assets.cli import data, health, run, serving, venues


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="market-assets")
def cli() -> None:
    """A complete, fresh, provable memory of crypto and prediction markets in one DuckDB file."""


for command in (
    health.status,
    health.check,
    health.cadence,
    venues.probe,
    venues.simulate,
    data.stream,
    data.maintain,
    data.publish,
    serving.api,
    run.run,
    run.setup,
):
    cli.add_command(command)


def main() -> None:
    """Run a command; an error that a user can act on is one line and exit code 1."""
    try:
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
        click.echo(f"{where}: {' '.join(error.format_message().split())}", err=True)
        sys.exit(error.exit_code)
    except Exception as error:
        if not isinstance(error, OSError) and not type(error).__module__.startswith(
            "market_assets"
        ):
            raise
        click.echo(f"market-assets: {' '.join(str(error).split())}", err=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
