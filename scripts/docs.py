"""Write what is generated of the docs: README's table of assets, docs/tables.md, .env.example, the
picture of the rooms.

    python scripts/docs.py          writes them
    python scripts/docs.py --check  says which are out of date, and exits 1

A test runs the second, so that what the docs say of the code is what the code is.
"""

from __future__ import annotations

import sys
from pathlib import Path

from market_assets import settings
from market_assets.channels import BACKFILLS, CHANNELS, channel_of
from market_assets.definitions import defs
from market_assets.storage.describe import tables_document
from scripts import architecture

ROOT = Path(__file__).resolve().parent.parent
BEGIN = "<!-- assets: made by scripts/docs.py -->"
END = "<!-- /assets -->"


def assets_table() -> str:
    """One line per asset: what a row is, how often, from when on it is stale."""
    lines = ["| asset | one row is | cadence | stale after |", "|---|---|---|---|"]
    order = [asset for channel in CHANNELS for asset in channel.assets]
    specs = {spec.key.to_user_string(): spec for spec in defs().resolve_all_asset_specs()}
    for name in order:
        channel = channel_of(name)
        first_line = (specs[name].description or "").strip().splitlines()[0]
        how = "stream" if channel.mode == "stream" else f"{channel.cadence.total_seconds():.0f} s"
        window = f"{channel.freshness_window.total_seconds():.0f} s"
        lines.append(f"| `{name}` | {first_line} | {how} | {window} |")
    for backfill in BACKFILLS:
        first_line = (specs[backfill.asset].description or "").strip().splitlines()[0]
        how = f"by hand, a {backfill.partition} a partition"
        lines.append(f"| `{backfill.asset}` | {first_line} | {how} | never |")
    return "\n".join(lines)


def generated() -> dict[Path, str]:
    """Every file that is generated, or has a generated part, with the text that it should have."""
    readme = ROOT / "README.md"
    text = readme.read_text("utf-8")
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return {
        readme: f"{before}{BEGIN}\n{assets_table()}\n{END}{after}",
        ROOT / "docs" / "tables.md": tables_document(),
        ROOT / ".env.example": settings.env_example(),
        ROOT / "docs" / "pictures" / "architecture.svg": architecture.picture(),
    }


def main(arguments: list[str]) -> int:
    """Write, or check."""
    stale = [
        path
        for path, text in generated().items()
        if not path.exists() or path.read_text("utf-8") != text
    ]
    if "--check" in arguments:
        for path in stale:
            print(f"{path.relative_to(ROOT)} is out of date; make docs")
        return 1 if stale else 0
    for path in stale:
        path.write_text(generated()[path], "utf-8")
        print(f"wrote {path.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
