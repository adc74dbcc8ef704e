"""The SQL that ingestion reads the store with: a file per question, in the source's `sql/`."""

from __future__ import annotations

from importlib import resources


def query(source: str, name: str) -> str:
    """The text of `<source>/sql/<name>.sql`."""
    file = resources.files(__package__).joinpath(source, "sql", f"{name}.sql")
    return file.read_text("utf-8")
