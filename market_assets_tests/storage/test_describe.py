"""The document of the tables is what the tables are."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from market_assets.storage.common.macros import MACROS
from market_assets.storage.describe import tables_document
from market_assets.tables import TABLES, Retention
from market_assets_tests.storage.examples import NOTES, PRICES
from market_assets_tests.storage.processes import ROOT, run


def test_the_document_is_in_step_with_the_tables() -> None:
    """Where it fails: `python -m market_assets.storage.describe > docs/tables.md`."""
    assert (ROOT / "docs" / "tables.md").read_text("utf-8") == tables_document()


def test_it_can_be_made_from_the_shell() -> None:
    """The command prints the document and nothing else."""
    script = "import runpy; runpy.run_module('market_assets.storage.describe', run_name='__main__')"
    assert run(script) == tables_document()


def test_every_table_and_column_is_in_it() -> None:
    """With its type, its unit and its meaning."""
    text = tables_document()
    for spec in TABLES:
        assert f"## {spec.name}\n" in text
        for column in spec.columns:
            assert f"| `{column.name}` | {column.type} | {column.unit} |" in text


def test_every_macro_is_in_it() -> None:
    """With its parameters, what it gives, and an example."""
    text = tables_document()
    for macro in MACROS:
        assert f"### {macro.signature}\n" in text
        assert macro.doc in text
        assert f"```sql\n{macro.example};\n```" in text


def test_it_says_which_row_stays_and_for_how_long() -> None:
    """Version, first values, retention by setting."""
    rules = (
        Retention(timedelta(minutes=30), "KEEP_A"),
        Retention(timedelta(days=1), "KEEP_B", ("symbol", "x")),
        Retention(timedelta(days=7), "KEEP_C"),
    )
    text = tables_document((replace(PRICES, retention=rules, set_once=("price",)), NOTES))
    assert "the one with the greater `seq`, then `seen_at` stays. `price` keeps its first" in text
    assert (
        "Rows are kept for 30 minutes (`KEEP_A`); 24 hours where `symbol` is `x` (`KEEP_B`); "
        "7 days (`KEEP_C`)." in text
    )
    assert "the later write stays" in text
    assert "Rows are kept.\n" in text


def test_no_text_breaks_the_markdown() -> None:
    """A pipe in a column's text would end its cell."""
    for spec in TABLES:
        assert all("|" not in column.doc + column.unit for column in spec.columns)
