"""The picture of the rooms in `docs/architecture.md`, made from what the code imports.

A room stands above all that it imports. Lines that follow from others are left out: where `defs`
imports `ingestion` and `ingestion` imports `storage`, there is none from `defs` to `storage`.
"""

from __future__ import annotations

import ast
from graphlib import TopologicalSorter
from html import escape
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
PACKAGES: Final = ("market_assets", "market_simulator")
_SMALL: Final = {
    "clock",
    "frames",
    "proxies",
    "redaction",
    "vocabulary",
    "http_headers",
    "process_identity",
    "project_files",
    "machine_paths",
    "code_version",
    "channels",
    "switches",
    "logs",
    "version",
}
"""Single files that nearly every room imports: one box."""
_BASE: Final = "clock, frames, …"
_SIMULATOR: Final = "market_simulator"
_WIDTH: Final = 176
_HEIGHT: Final = 38
_GAP_X: Final = 22
_GAP_Y: Final = 44


def rooms() -> dict[str, set[str]]:
    """Each room, and the rooms that it imports."""
    found: dict[str, set[str]] = {}
    for package in PACKAGES:
        for file in (ROOT / package).rglob("*.py"):
            room = _room(".".join(file.relative_to(ROOT).with_suffix("").parts))
            if room is not None:
                imported = {_room(module) for module in _imports(file)} - {None, room}
                found.setdefault(room, set()).update(one for one in imported if one)
    return found


def picture() -> str:
    """The rooms as an SVG."""
    imports = rooms()
    floors = _floors(imports)
    widest = max(map(len, floors))
    width = widest * (_WIDTH + _GAP_X) + _GAP_X
    height = len(floors) * (_HEIGHT + _GAP_Y) + _GAP_Y // 2
    places: dict[str, tuple[float, float]] = {}
    for floor, names in enumerate(floors):
        left = (width - len(names) * (_WIDTH + _GAP_X) + _GAP_X) / 2
        for n, name in enumerate(names):
            places[name] = (left + n * (_WIDTH + _GAP_X), 16 + floor * (_HEIGHT + _GAP_Y))
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}">',
        "<style>text { font: 14px system-ui, sans-serif }</style>",
        f'<rect width="{width:.0f}" height="{height:.0f}" fill="#ffffff"/>',
    ]
    for upper, lower in sorted(_needed(imports)):
        (x1, y1), (x2, y2) = places[upper], places[lower]
        x1, y1, x2 = x1 + _WIDTH / 2, y1 + _HEIGHT, x2 + _WIDTH / 2
        middle = (y1 + y2) / 2
        lines.append(
            f'<path d="M{x1:.0f} {y1:.0f} C{x1:.0f} {middle:.0f} {x2:.0f} {middle:.0f}'
            f' {x2:.0f} {y2:.0f}" fill="none" stroke="#9aa5b1" stroke-width="1.2"/>'
        )
    for name, (x, y) in sorted(places.items()):
        fill = "#fdf3dc" if name == _SIMULATOR else "#e8f1fb"
        lines.append(
            f'<rect x="{x:.0f}" y="{y:.0f}" width="{_WIDTH}" height="{_HEIGHT}" rx="6"'
            f' fill="{fill}" stroke="#52606d"/>'
            f'<text x="{x + _WIDTH / 2:.0f}" y="{y + _HEIGHT / 2 + 5:.0f}" text-anchor="middle"'
            f' fill="#1f2933">{escape(name)}</text>'
        )
    return "\n".join([*lines, "</svg>", ""])


def _floors(imports: dict[str, set[str]]) -> list[list[str]]:
    """The rooms from the top down, each as low as what imports it allows."""
    order = list(TopologicalSorter(imports).static_order())
    height: dict[str, int] = {}
    for name in order:
        height[name] = 1 + max((height[one] for one in imports[name]), default=-1)
    height[_SIMULATOR] = 0
    top = max(height.values())
    return [
        sorted(name for name, at in height.items() if at == floor) for floor in range(top, -1, -1)
    ]


def _needed(imports: dict[str, set[str]]) -> set[tuple[str, str]]:
    """The arrows that do not follow from two others."""
    reach: dict[str, set[str]] = {}
    for name in TopologicalSorter(imports).static_order():
        reach[name] = imports[name].union(*(reach[one] for one in imports[name]))
    return {
        (upper, lower)
        for upper, lowers in imports.items()
        for lower in lowers
        if not any(lower in reach[other] for other in lowers - {lower})
    }


def _room(module: str) -> str | None:
    """The room that a module is in; None: it is none of ours, or the package itself."""
    parts = module.split(".")
    if parts[0] == _SIMULATOR:
        return _SIMULATOR
    if parts[0] != "market_assets" or len(parts) == 1:
        return None
    if parts[1] in _SMALL:
        return _BASE
    if parts[1] == "operations":
        inner = next(iter(parts[2:]), "__init__")
        return None if inner == "__init__" else f"operations/{inner}"
    if parts[1] == "storage" and parts[2:3] in (["common"], ["files"]):
        return f"storage/{parts[2]}"
    is_room = (ROOT / "market_assets" / parts[1]).exists() or parts[1] == "definitions"
    return parts[1] if is_room else None


def _imports(file: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            inner = {f"{node.module}.{alias.name}" for alias in node.names}
            whole = node.module in (*PACKAGES, "market_assets.operations", "market_assets.storage")
            found |= inner if whole else {node.module}
    return found
