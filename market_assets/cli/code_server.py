"""Dagster's code server, which has another one started when it is told to reload.

`dagster api grpc` cannot reload: code that is imported stays. Dagster puts another process in front
of it for that, which holds 100 MB and hands every call on. Here the process that has started this
one (`services.py`) starts the next one instead, and this one ends.

It has no pandas, as runs have none (`deferred.py`).
"""

from __future__ import annotations

import importlib
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any, Final

from market_assets.cli.services import ENTRANCE
from market_assets.launcher import deferred

_RENEWED_WITHIN_S: Final = 60.0
_POLL_S: Final = 0.1


def main() -> None:
    """Dagster's command line: `api grpc --socket PATH ...`."""
    deferred.hide_pandas()
    server: Any = importlib.import_module("dagster._grpc.server")
    messages: Any = importlib.import_module("dagster._grpc.__generated__").dagster_api_pb2
    entrance = Path(sys.argv[sys.argv.index("--socket") + 1]).with_name(ENTRANCE)
    parent = os.getppid()

    def reload_code(*_: object) -> object:
        have_it_renewed(entrance, parent)
        return messages.ReloadCodeReply()

    server.DagsterApiServer.ReloadCode = reload_code
    importlib.import_module("dagster._cli").main()


def have_it_renewed(entrance: Path, parent: int) -> None:
    """Ask for a code server with the code that is on the disk, and wait until it is there.

    Args:
        entrance: leads to the socket of the code server that is asked.
        parent: the process that has started this one; a later one with its number is left alone.

    Raises:
        RuntimeError: there is none in time, or nobody who would start it.
    """
    if os.getppid() != parent:
        raise RuntimeError("what started this code server is gone; `run` will start everything")
    before = entrance.readlink()
    os.kill(parent, signal.SIGHUP)
    deadline = time.monotonic() + _RENEWED_WITHIN_S
    while entrance.readlink() == before:
        if time.monotonic() >= deadline:
            raise RuntimeError(f"no new code server within {_RENEWED_WITHIN_S:.0f} s")
        time.sleep(_POLL_S)


if __name__ == "__main__":
    main()
