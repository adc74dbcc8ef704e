"""What the three APIs answer with."""

from __future__ import annotations

from typing import Any

Row = dict[str, Any]
"""An object as it goes out in an answer."""
