"""What time it is, a `Clock` says: no query asks the database, and no module asks the machine."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

ROOT = Path(__file__).resolve().parent.parent
NAMES = ("market_assets", "market_simulator")
PACKAGES = [ROOT / name for name in NAMES]
SOURCES = sorted(
    path
    for folder in (
        "market_assets",
        "market_simulator",
        "market_assets_tests",
        "benchmarks",
        "scripts",
    )
    for path in (ROOT / folder).rglob("*.py")
    if path != Path(__file__)
)
QUERIES = sorted(path for package in PACKAGES for path in package.rglob("*.sql"))
WORDS = (
    r"current_(?:timestamp|date|time|localtime|localtimestamp)\b"
    r"|(?:now|today|ago|localtime|localtimestamp|transaction_timestamp|get_current_\w+)\s*\("
    r"|\blocaltime(?:stamp)?\b"
    r"|'(?:now|today|yesterday|tomorrow)'\s*::"
    r"|\bage\s*\([^,()]*\)"
)
"""How SQL asks the database for the time; `age(x)` with one argument counts from today."""
ASKS_DATABASE = re.compile(rf"(?<![\w.$\"])(?:{WORDS})", re.IGNORECASE)
ASKS_MACHINE = {
    "datetime.now",
    "datetime.today",
    "datetime.utcnow",
    "date.today",
    "time.time",
    "time.time_ns",
    "time.localtime",
    "time.gmtime",
    "time.ctime",
    "time.strftime",
}


def strings(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """The texts of a module that are no docstrings, each with its line."""
    said = {
        id(node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in said:
            yield node.lineno, node.value


def called(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """What a module takes from other modules by a name with a point, or imports from `time`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            yield node.lineno, ".".join(ast.unparse(node).split(".")[-2:])
        elif isinstance(node, ast.ImportFrom) and node.module == "time":
            yield from ((node.lineno, f"time.{alias.name}") for alias in node.names)


def asked_of_database(sql: str) -> list[str]:
    """Where a query asks for the time; comments do not."""
    return ASKS_DATABASE.findall(re.sub(r"--[^\n]*", "", sql))


@pytest.mark.parametrize("path", QUERIES, ids=lambda path: f"{path.parts[-3]}-{path.stem}")
def test_no_query_asks_the_database_for_the_time(path: Path) -> None:
    assert asked_of_database(path.read_text("utf-8")) == []


def test_no_query_in_code_asks_the_database_for_the_time() -> None:
    """Those of tests and benchmarks neither: they would be red on other days."""
    assert len(SOURCES) > 300
    asking = [
        f"{path.relative_to(ROOT)}:{line}"
        for path in SOURCES
        for line, text in strings(ast.parse(path.read_text("utf-8")))
        if asked_of_database(text)
    ]
    assert asking == []


def test_only_the_clocks_ask_the_machine_for_the_time() -> None:
    """Everybody else is given a clock, so that a test can say what time it is."""
    asking = [
        f"{path.relative_to(ROOT)}:{line} {name}"
        for package in PACKAGES
        for path in sorted(package.rglob("*.py"))
        if path != package / "clock.py"
        for line, name in called(ast.parse(path.read_text("utf-8")))
        if name in ASKS_MACHINE
    ]
    assert asking == []


def test_all_ways_to_ask_the_database_are_known() -> None:
    """Each function of DuckDB whose answer changes with time is refused."""
    names = duckdb.sql(
        "select distinct function_name from duckdb_functions()"
        " where function_name similar to '(now|today|ago|.*(current|local).*(time|date).*"
        "|transaction_timestamp)'"
    ).fetchall()
    assert len(names) >= 8
    for (name,) in names:
        assert asked_of_database(f"select {name}()"), name


@pytest.mark.parametrize(
    ("sql", "is_refused"),
    [
        ("where t > now() - interval 1 day", True),
        ("where t > NOW ()", True),
        ("where t > current_timestamp", True),
        ("select Current_Date - 1", True),
        ("where t > 'today'::date", True),
        ("select age(t)", True),
        ("where t > $now - interval 1 day  -- not now()", False),
        ("select known(), age(a, b), current_user", False),
        ("select t.now from known_now t; import_now()", False),
    ],
)
def test_what_is_refused(sql: str, *, is_refused: bool) -> None:
    """The judge itself."""
    assert bool(asked_of_database(sql)) is is_refused
