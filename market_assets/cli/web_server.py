"""Dagster's web server, which answers requests for a loopback address only.

Dagster's own looks at no Host and no Origin: any page in a browser on this machine could read
everything and start everything. `services.py` starts this one in its place.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any, Final

from starlette.responses import PlainTextResponse

from market_assets.api.loopback import OnlyLoopback

if TYPE_CHECKING:
    from starlette.types import ASGIApp

_MISDIRECTED: Final = 421


def main() -> None:
    """Dagster's command `dagster-webserver`, with the guard in front of its application."""
    cli: Any = importlib.import_module("dagster_webserver.cli")
    make = cli.create_app_from_workspace_process_context

    def guarded(*args: Any, **kwargs: Any) -> ASGIApp:
        return OnlyLoopback(make(*args, **kwargs), _refusal, from_pages_too=True)

    cli.create_app_from_workspace_process_context = guarded
    cli.main()


def _refusal(reason: str, _: str) -> ASGIApp:
    return PlainTextResponse(reason + "\n", status_code=_MISDIRECTED)


if __name__ == "__main__":
    main()
