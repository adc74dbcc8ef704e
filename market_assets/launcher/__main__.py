"""`python -m market_assets.launcher`: the warm process. What starts threads is put off first."""

import sys

from market_assets.launcher import deferred

if __name__ == "__main__":
    deferred.defer()
    from market_assets.launcher import warm_process

    warm_process.run(*sys.argv[1:])
