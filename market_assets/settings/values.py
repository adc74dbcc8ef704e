"""Reading single values of variables: paths, addresses, secrets, numbers, names, lengths of time.

Every reader names the variable in its error; of a secret it says what is wrong without saying it.

Not here: which variables there are and what they default to (`settings.py`).
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping


class SettingError(ValueError):
    """A variable holds something that cannot be used; the message names it."""


def path(env: Mapping[str, str], defaults: Mapping[str, str], name: str, root: Path) -> Path:
    """Relative paths are the project's: a command means the same file wherever it is typed.

    A link leads to what is meant: replaced by rename, as the published file is, it would be lost.
    """
    named = (root / Path(env.get(name, defaults[name])).expanduser()).absolute()
    return named.resolve() if named.is_symlink() else named


def url(values: Mapping[str, str], name: str, scheme: str) -> str:
    """The address of a server, without a slash at its end: `scheme://…` or `schemes://…`."""
    text = values[name].rstrip("/")
    if not _is_address(text, (scheme, f"{scheme}s")):
        raise SettingError(f"{name} is {text!r}; it must be a {scheme}:// or {scheme}s:// address")
    return text


def secret_url(values: Mapping[str, str], name: str) -> str:
    """An address that is a secret, or '': what is wrong with it is said without saying it."""
    text = values[name].strip()
    if text and not (_is_address(text, ("http", "https")) and text.isascii() and " " not in text):
        raise SettingError(f"{name} is not an http:// or https:// address")
    return text


def token(values: Mapping[str, str], name: str) -> str:
    """A token that a header can carry. What is wrong with it is said without saying it."""
    text = values[name].strip()
    if not all("!" <= character <= "~" for character in text):
        raise SettingError(f"{name} has blanks or other than printable ASCII characters")
    return text


def number(values: Mapping[str, str], name: str, least: float, most: float) -> float:
    """A number within its bounds, both ends included."""
    try:
        found = float(values[name])
    except ValueError:
        raise SettingError(f"{name} is {values[name]!r}, which is not a number") from None
    if not least <= found <= most:
        raise SettingError(f"{name} is {values[name]}; it may be {least:g} to {most:g}")
    return found


def names(values: Mapping[str, str], name: str) -> tuple[str, ...]:
    """What stands between commas, without blanks around it; none where nothing does."""
    return tuple(text.strip() for text in values[name].split(",") if text.strip())


def hours(values: Mapping[str, str], name: str) -> timedelta:
    """A number of hours: six minutes to ten years."""
    return timedelta(hours=number(values, name, 0.1, 24 * 3660))


def _is_address(text: str, schemes: Collection[str]) -> bool:
    try:
        parts = urlsplit(text)
        return parts.scheme in schemes and bool(parts.hostname) and parts.port != 0
    except ValueError:  # brackets that do not close, a port that is none
        return False
