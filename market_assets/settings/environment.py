"""Which of the shell's and `.env`'s variables are in force."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from market_assets import proxies
from market_assets.settings.variables import DEFAULTS, SECRETS

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class Environment:
    """What the shell and `.env` say, each read once.

    Attributes:
        shell: the environment of the process.
        file: the variables of `.env`.
    """

    shell: Mapping[str, str]
    file: Mapping[str, str]

    def variables(self) -> dict[str, str]:
        """Those in force: the shell's, then the file's; an empty one counts as unset.

        What a file says no differently from the default counts as unset too. Dagster puts `.env`
        into the environment of its own commands: what is the same in both is the file's.
        """
        file = {n: v for n, v in self.file.items() if n in DEFAULTS and v != DEFAULTS[n]}
        shell = {
            name: value
            for name, value in self.shell.items()
            if value.strip() and not value == self.file.get(name) == DEFAULTS.get(name)
        }
        return {**file, **shell}

    def proxies(self) -> dict[str, str]:
        """What the shell says of proxies and, of those that it does not name, the file."""
        named = {name.upper() for name in self.shell}
        file = {
            name: value
            for name, value in self.file.items()
            if name.lower().endswith("_proxy") and name.upper() not in named
        }
        return {**file, **self.shell}

    def secrets(self) -> tuple[str, ...]:
        """Every value that no log may show."""
        values = self.variables()
        named = tuple(values[name].strip() for name in SECRETS if name in values)
        return (*named, *proxies.secrets(self.proxies()))
