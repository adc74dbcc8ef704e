"""`.env` at the top of the project: what a person wrote, checked where it is read."""

from __future__ import annotations

import codecs
import io
import stat
from typing import TYPE_CHECKING, Final

from market_assets.settings.values import SettingError

if TYPE_CHECKING:
    from pathlib import Path

_LIMIT_BYTES: Final = 1_000_000
_WIDE: Final = (
    (codecs.BOM_UTF32_LE, "UTF-32"),
    (codecs.BOM_UTF32_BE, "UTF-32"),
    (codecs.BOM_UTF16_LE, "UTF-16"),
    (codecs.BOM_UTF16_BE, "UTF-16"),
)


def read_text(path: Path) -> str:
    """The file's text without a byte order mark; empty where there is no file.

    Raises:
        SettingError: it cannot be read, or is no text in UTF-8; names the file.
    """
    try:
        mode = path.stat().st_mode
        if not stat.S_ISREG(mode):
            kind = "a folder" if stat.S_ISDIR(mode) else "no regular file"
            raise SettingError(f"{path} is {kind}; it must be a file of lines NAME=value")
        with path.open("rb") as file:
            said = file.read(_LIMIT_BYTES + 1)
    except FileNotFoundError:
        if path.is_symlink():
            raise SettingError(f"{path} leads to a file that is not there") from None
        return ""
    except OSError as error:
        raise SettingError(f"{path} cannot be read: {error.strerror}") from None
    if len(said) > _LIMIT_BYTES:
        raise SettingError(f"{path} has over {_LIMIT_BYTES} bytes; it is no list of variables")
    wide = next((name for mark, name in _WIDE if said.startswith(mark)), None)
    if wide is None and b"\0" in said:
        wide = "UTF-16"
    if wide is not None:
        raise SettingError(f"{path} is not UTF-8 (it looks like {wide}); save it as UTF-8")
    try:
        return said.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = said.count(b"\n", 0, error.start) + 1
        raise SettingError(f"{path} is not UTF-8 (line {line}); save it as UTF-8") from None


def read(path: Path) -> dict[str, str]:
    """The variables of the file, `${NAME:-default}` resolved; those without a value are left out.

    Raises:
        SettingError: it cannot be read; names the file, and the line where one is to blame.
    """
    from dotenv import dotenv_values  # noqa: PLC0415 - only where settings are loaded
    from dotenv.parser import parse_stream  # noqa: PLC0415 - as above

    text = read_text(path)
    for binding in parse_stream(io.StringIO(text)):
        if binding.error:
            raise SettingError(f"{path}: line {binding.original.line} is no NAME=value")
    found = dotenv_values(stream=io.StringIO(text))
    return {name: value for name, value in found.items() if value}
