"""Files of a checkout, outside the package, that the running system uses or tells people of.

A wheel has the package alone, and carries them in `market_assets/deployment/`: they are put there
when it is built (`force-include` in `pyproject.toml`), so that a checkout has each of them once.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

_PACKAGE: Final = Path(__file__).resolve().parent
_PACKAGED: Final = _PACKAGE / "deployment"

CHECKOUT: Final = None if _PACKAGED.is_dir() else _PACKAGE.parent
"""The top of the checkout that this code is in; None in an installed package."""
RUNBOOK: Final = "docs/runbook.md"
WORKSPACE: Final = "workspace.yaml"
INSTANCE: Final = "dagster.yaml"


def project_file(name: str) -> Path:
    """Where the file is: in the checkout, or in the installed package."""
    return (_PACKAGED if CHECKOUT is None else CHECKOUT) / name


def told(name: str) -> str:
    """The file as people are told of it: from the top of the checkout, or where it is installed."""
    return str(project_file(name)) if CHECKOUT is None else name
