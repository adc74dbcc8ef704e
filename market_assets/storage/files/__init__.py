"""The store in two DuckDB files of this machine: a live one behind a gate, and a published copy."""
