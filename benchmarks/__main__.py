"""Every benchmark, or those named: `python -m benchmarks [store] [features] …`; see `NAMES`."""

from __future__ import annotations

import subprocess
import sys

NAMES = ("store", "stream", "features", "features_run", "system")


def main() -> None:
    """Run each in a process of its own, so that none pays for another's memory."""
    wanted = sys.argv[1:] or NAMES
    unknown = sorted(set(wanted) - set(NAMES))
    if unknown:
        sys.exit(f"no benchmark {', '.join(unknown)}; one of {', '.join(NAMES)}")
    for name in wanted:
        print(f"\n## {name}\n", flush=True)
        subprocess.run([sys.executable, "-m", f"benchmarks.{name}"], check=True)


if __name__ == "__main__":
    main()
