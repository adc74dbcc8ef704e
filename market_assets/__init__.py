"""A complete, fresh, provable memory of crypto and prediction markets in one DuckDB file."""

__version__ = "0.1.0"
