"""A complete, fresh, provable memory of crypto and prediction markets in one DuckDB file."""

from market_assets.connecting import connect
from market_assets.version import __version__

__all__ = ["__version__", "connect"]
