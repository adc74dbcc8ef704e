"""How to reach the simulated venues of a `make run` that is up: a file beside the live database.

A command in a second shell reads it, and so talks to the same venues as the running system. It is
believed while the process that wrote it lives; a file that cannot be read is an error, for to take
the real venues then would put real rows among simulated ones.
"""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

from market_assets.machine_paths import machine_paths
from market_assets.process_identity import ProcessIdentity
from market_assets.settings.values import SettingError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def write_endpoints(market_db: Path, venues: ProcessIdentity, addresses: Mapping[str, str]) -> None:
    """Say how to reach the venues, all or nothing.

    Args:
        market_db: the database that they fill.
        venues: the process that serves them; without it the file says nothing.
        addresses: by variable.
    """
    file = machine_paths(market_db).endpoints
    file.parent.mkdir(parents=True, exist_ok=True)
    said = {
        "pid": venues.pid,
        "started": venues.started,
        "boot": venues.boot,
        "environment": dict(addresses),
    }
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    draft.write_text(json.dumps(said))
    draft.replace(file)


def forget_endpoints(market_db: Path) -> None:
    """The venues are no longer there, or never were."""
    machine_paths(market_db).endpoints.unlink(missing_ok=True)


def read_endpoints(market_db: Path) -> dict[str, str]:
    """Addresses by variable; empty where no simulated venues fill this database now.

    Raises:
        SettingError: the file cannot be read; names it.
    """
    file = machine_paths(market_db).endpoints
    try:
        said = json.loads(file.read_bytes())
        addresses = {str(name): str(value) for name, value in said["environment"].items()}
        pid = int(said["pid"])
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise _unreadable(file, error.strerror or "") from None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise _unreadable(file, "it is damaged") from None
    started, of_boot = said.get("started"), said.get("boot")
    if not isinstance(started, int | float) or not isinstance(of_boot, str):
        return {}  # a process that is known by its number only may be any
    return addresses if ProcessIdentity(pid, float(started), of_boot).is_alive else {}


def _unreadable(file: Path, why: str) -> SettingError:
    return SettingError(
        f"{file} cannot be read ({why}), so that it is not known which venues fill this database; "
        "start `make run` again, or remove the file where none is up"
    )
