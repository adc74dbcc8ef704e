"""Whether what stands at a path is a DuckDB database, told from its first bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from market_assets.storage.common.errors import NotADatabase, from_os

if TYPE_CHECKING:
    from pathlib import Path

_MAGIC: Final = (8, b"DUCK")
"""Where every DuckDB file says what it is."""


def check_is_database(path: Path) -> None:
    """Refuse to take the place of what is not a DuckDB file; a missing file is fine.

    Raises:
        NotADatabase: a folder, or a file of another kind, an empty one too.
    """
    start, magic = _MAGIC
    try:
        with path.open("rb") as file:
            head = file.read(start + len(magic))
    except FileNotFoundError:
        return
    except IsADirectoryError:
        raise NotADatabase(f"{path} is a folder, not a DuckDB database") from None
    except OSError as error:
        raise from_os(path.parent, error) from error
    if head[start:] != magic:
        raise NotADatabase(f"{path} is not a DuckDB database, and will not be overwritten")
