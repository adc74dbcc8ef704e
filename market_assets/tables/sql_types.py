"""The SQL types that columns have."""

from __future__ import annotations

from typing import Literal

SqlType = Literal[
    "TIMESTAMPTZ", "DATE", "DOUBLE", "BIGINT", "BOOLEAN", "VARCHAR", "VARCHAR[]", "DOUBLE[]"
]
