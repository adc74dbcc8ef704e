"""No module imports itself through others, not even for its types or inside a function."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("market_assets", "market_simulator")


def modules(package: str) -> dict[str, Path]:
    """Every module of a package, by its full name."""
    found = {}
    for file in (ROOT / package).rglob("*.py"):
        parts = file.relative_to(ROOT).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = file
    return found


def imported(text: str, known: set[str]) -> set[str]:
    """Which of the known modules a text imports; of `from a import b`, `a.b` if that is one."""
    found = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            inner = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= inner & known
            if len(inner & known) < len(inner):
                found.add(node.module)
    return found & known


def circles(imports: dict[str, set[str]]) -> dict[str, set[str]]:
    """What is left when modules that import nothing, or that nobody imports, are taken away."""
    left = {name: set(others) - {name} for name, others in imports.items()}
    while True:
        used = set().union(*left.values()) if left else set()
        idle = {name for name, others in left.items() if not others or name not in used}
        if not idle:
            return left
        left = {name: others - idle for name, others in left.items() if name not in idle}


@pytest.mark.parametrize("package", PACKAGES)
def test_there_is_no_circle(package: str) -> None:
    files = modules(package)
    assert len(files) > 50
    known = set(files)
    assert circles({name: imported(f.read_text("utf-8"), known) for name, f in files.items()}) == {}


def test_a_circle_is_found() -> None:
    """Also one of three, behind a condition, and with innocent modules around it."""
    texts = {
        "p": "",
        "p.a": "from p import b",
        "p.b": "if TYPE_CHECKING:\n    from p.c import C",
        "p.c": "def f():\n    import p.a",
        "p.d": "from p.a import x",
        "p.e": "",
    }
    found = circles({name: imported(text, set(texts)) for name, text in texts.items()})
    assert set(found) == {"p.a", "p.b", "p.c"}
    texts["p.c"] = "import json"
    assert circles({name: imported(text, set(texts)) for name, text in texts.items()}) == {}
