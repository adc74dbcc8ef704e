"""`dagster dev`, with the project's own web server (`web_server.py`) instead of Dagster's.

`dagster dev` has no setting for it: the command of the web server is written in its code. What
starts its processes is wrapped here, and only the module in that command is another.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Sequence

_DAGSTERS: Final = "dagster_webserver"
_OURS: Final = "market_assets.cli.web_server"


def run() -> None:
    """Dagster's command line."""
    dev: Any = importlib.import_module("dagster._cli.dev")
    start = dev.open_ipc_subprocess

    def start_ours(command: Sequence[str], **kwargs: Any) -> subprocess.Popen[bytes]:
        ours: subprocess.Popen[bytes] = start(
            [_OURS if part == _DAGSTERS else part for part in command], **kwargs
        )
        return ours

    dev.open_ipc_subprocess = start_ours
    importlib.import_module("dagster._cli").main()


if __name__ == "__main__":
    run()
