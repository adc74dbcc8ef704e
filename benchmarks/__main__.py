"""Every benchmark, or those named: `python -m benchmarks [store] [features] …`; see `NAMES`.

Options behind one name go to that one: `python -m benchmarks matching --cases FILE`.
"""

from __future__ import annotations

import subprocess
import sys

NAMES = (
    "store",
    "readers",
    "stream",
    "features",
    "features_run",
    "discovery",
    "trades",
    "matching",
    "linking_memory",
    "health",
    "api",
    "search",
    "books",
    "archive",
    "defillama_memory",
    "system",
)
ON_DEMAND = ("week",)
"""An hour each: run where they are named."""


def main() -> None:
    """Run each in a process of its own, so that none pays for another's memory."""
    given = sys.argv[1:]
    first_option = next((at for at, text in enumerate(given) if text.startswith("-")), len(given))
    wanted, options = given[:first_option] or NAMES, given[first_option:]
    if options and len(wanted) != 1:
        sys.exit(f"{options[0]} needs the one benchmark that it is for")
    unknown = sorted(set(wanted) - {*NAMES, *ON_DEMAND})
    if unknown:
        sys.exit(f"no benchmark {', '.join(unknown)}; one of {', '.join(NAMES + ON_DEMAND)}")
    for name in wanted:
        print(f"\n## {name}\n", flush=True)
        subprocess.run([sys.executable, "-m", f"benchmarks.{name}", *options], check=True)


if __name__ == "__main__":
    main()
