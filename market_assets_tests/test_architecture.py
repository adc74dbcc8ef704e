"""The house: who may import whom, read from the syntax trees."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "market_assets"
SIMULATOR = ROOT / "market_simulator"

BASE = {
    "tables",
    "frames",
    "clock",
    "channels",
    "switches",
    "redaction",
    "process_identity",
    "proxies",
    "http_headers",
    "project_files",
    "machine_paths",
    "vocabulary",
    "version",
}
STORE = {"storage", "storage.common"}
"""The store as the rest sees it; its backends are behind `storage/opening.py`."""
MAY_IMPORT: dict[str, set[str]] = {
    "clock": set(),
    "channels": set(),
    "switches": {"channels"},
    "redaction": set(),
    "process_identity": set(),
    "http_headers": set(),
    "project_files": set(),
    "machine_paths": set(),
    "vocabulary": set(),
    "version": set(),
    "proxies": set(),
    "code_version": set(),
    "database_revisions": set(),
    "tables": set(),
    "frames": {"tables"},
    "settings": {
        "tables",
        "features",
        "proxies",
        "process_identity",
        "project_files",
        "machine_paths",
        "switches",
    },  # of features, thresholds
    "sources": BASE,
    "storage": BASE | {"storage.common", "storage.files"},
    "storage.common": BASE,
    "storage.files": BASE | {"storage.common"},
    "features": BASE,
    "checks": BASE | {*STORE},
    "derived": BASE | {"features", *STORE},
    "ingestion": BASE | {"features", *STORE, "sources"},
    "streams": BASE | {"features", *STORE, "sources", "ingestion"},
    "operations": BASE,
    "operations.maintenance": BASE | {"features", *STORE},
    "operations.health": BASE | {*STORE, "streams"},
    "operations.alerts": BASE | {"operations.health"},
    "operations.metrics": BASE | {*STORE, "streams", "operations.health"},
    "logs": BASE,
    "connecting": {"settings", *STORE},
    "exports": BASE | {*STORE},
    "api": BASE | {*STORE, "operations.health"},
    "defs": BASE
    | {
        "settings",
        "code_version",
        "features",
        *STORE,
        "sources",
        "streams",
        "operations.health",
        "operations.alerts",
        "operations.maintenance",
        "logs",
        "checks",
        "derived",
        "ingestion",
    },
    "definitions": {"database_revisions", "defs", "logs", "settings"},
    "launcher": {"settings", "code_version", "database_revisions", "process_identity"},
    "cli": BASE
    | {
        "settings",
        "code_version",
        *STORE,
        "sources",
        "streams",
        "operations.health",
        "operations.maintenance",
        "operations.metrics",
        "logs",
        "ingestion",
        "definitions",
        "api",
        "exports",
        "launcher",
    },
}
FORBIDDEN: dict[str, set[str]] = {
    "sources": {"dagster", "duckdb", "dagster_duckdb"},
    "features": {"dagster", "duckdb", "httpx", "websockets"},
    **{name: {"dagster", "httpx", "websockets"} for name in ("storage", "storage.common")},
    "storage.files": {"dagster", "httpx", "websockets"},
    "streams": {"dagster"},
    "operations.maintenance": {"dagster"},
    "checks": {"dagster"},
    "derived": {"dagster", "duckdb", "httpx", "websockets"},
    "ingestion": {"dagster", "duckdb", "httpx", "websockets"},
    "operations.metrics": {"dagster", "duckdb", "polars"},
    "api": {"dagster", "duckdb", "polars"},
    "clock": {"polars", "dagster"},
    "channels": {"polars", "dagster"},
    "switches": {"polars", "dagster"},
    "operations.alerts": {"dagster", "duckdb", "polars"},
    "exports": {"dagster", "httpx", "websockets", "pandas"},
    "tables": {"dagster", "duckdb"},
}


def _imports(file: Path) -> set[str]:
    """Every module that a file imports, also inside functions and for type checking."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def _layer(module: str) -> str | None:
    """The innermost layer that a module belongs to; None: it is none of the package's."""
    parts = module.split(".")
    if parts[0] != "market_assets":
        return None
    names = (".".join(parts[1:3]), ".".join(parts[1:2]))
    return next((name for name in names if name in MAY_IMPORT), None)


def _violations(name: str, files: list[Path]) -> list[str]:
    allowed, forbidden = MAY_IMPORT[name] | {name}, FORBIDDEN.get(name, set())
    wrong = []
    for file in files:
        for module in _imports(file):
            layer = _layer(module)
            if (layer and layer not in allowed) or module.split(".")[0] in forbidden:
                wrong.append(f"{file.name} imports {module}")
    return wrong


def _files(name: str) -> list[Path]:
    place = PACKAGE.joinpath(*name.split("."))
    single = place.with_suffix(".py")
    inner = [PACKAGE.joinpath(*other.split(".")) for other in MAY_IMPORT if other != name]
    return (
        [single]
        if single.exists()
        else sorted(f for f in place.rglob("*.py") if not _is_in(f, place, inner))
    )


def _is_in(file: Path, place: Path, others: list[Path]) -> bool:
    """Whether a file of a place belongs to a layer inside of it."""
    return any(other in file.parents for other in others if place in other.parents)


@pytest.mark.parametrize("name", sorted(MAY_IMPORT))
def test_imports_follow_the_arrows(name: str) -> None:
    assert _files(name), f"there is no {name}"
    assert _violations(name, _files(name)) == []


def test_every_part_of_the_package_is_in_the_picture() -> None:
    parts = {p.stem for p in PACKAGE.iterdir() if p.suffix == ".py" or (p / "__init__.py").exists()}
    assert parts - {"__init__"} == {name for name in MAY_IMPORT if "." not in name}
    for part in ("operations", "storage"):
        rooms = {p.name for p in (PACKAGE / part).iterdir() if (p / "__init__.py").exists()}
        assert {f"{part}.{name}" for name in rooms} < set(MAY_IMPORT)


def test_sources_do_not_know_each_other() -> None:
    sources = [p.name for p in (PACKAGE / "sources").iterdir() if (p / "__init__.py").exists()]
    for source in sources:
        for file in (PACKAGE / "sources" / source).rglob("*.py"):
            others = {f"market_assets.sources.{other}" for other in sources if other != source}
            assert not {m for m in _imports(file) if any(m.startswith(o) for o in others)}, file


@pytest.mark.parametrize(
    ("layer", "line"),
    [
        ("sources", "import dagster"),
        ("features", "def f():\n    import duckdb"),
        ("streams", "from market_assets.defs import stream"),
        ("storage", "from market_assets import settings"),
        ("storage.common", "from market_assets.storage.files import gate"),
        ("ingestion", "from market_assets.storage.files.store import FileStore"),
        ("api", "def f():\n    from market_assets.storage.files.published import Published"),
    ],
)
def test_a_planted_violation_is_caught(layer: str, line: str, tmp_path: Path) -> None:
    planted = tmp_path / "planted.py"
    planted.write_text(line)
    assert len(_violations(layer, [planted])) >= 1


def test_streams_do_not_know_each_other() -> None:
    """A new one is a folder: the runtime knows none of them, candles are any venue's."""
    rooms = [p.name for p in (PACKAGE / "streams").iterdir() if (p / "__init__.py").exists()]
    below = {"core": set(), "candles": {"core"}}
    for room in rooms:
        allowed = below.get(room, {"core", "candles"}) | {room}
        for file in (PACKAGE / "streams" / room).rglob("*.py"):
            known = {
                m.split(".")[2] for m in _imports(file) if m.startswith("market_assets.streams.")
            }
            assert known & set(rooms) <= allowed, file


def _of_the_other(package: str, files: list[Path]) -> list[str]:
    """Which files import something of that package."""
    return [f.name for f in files for m in _imports(f) if m.split(".")[0] == package]


def test_the_simulator_knows_nothing_of_the_product() -> None:
    """It is the product's judge: a mistake that both import is one that nobody sees."""
    files = sorted(SIMULATOR.rglob("*.py"))
    assert len(files) > 50
    heavy = {"dagster", "duckdb", "polars", "market_assets", "market_assets_tests"}
    assert [f for name in heavy for f in _of_the_other(name, files)] == []


def test_of_the_product_only_the_command_line_knows_the_simulator() -> None:
    outside = [f for f in PACKAGE.rglob("*.py") if PACKAGE / "cli" not in f.parents]
    assert _of_the_other("market_simulator", outside) == []
    assert _of_the_other("market_simulator", sorted((PACKAGE / "cli").rglob("*.py"))) != []


def test_only_the_outer_layers_read_the_environment() -> None:
    """Values are passed down; `settings` is the one that reads variables."""
    for name in set(MAY_IMPORT) - {"settings", "cli"}:
        for file in _files(name):
            text = file.read_text("utf-8")
            assert "os.environ" not in text, file
            assert "getenv" not in text, file
