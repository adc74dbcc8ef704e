"""The version of this project, as `pyproject.toml` has it too."""

from __future__ import annotations

from typing import Final

__version__: Final = "0.1.0"
