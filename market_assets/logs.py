"""Log lines on stderr: for people, or one JSON object a line; without secrets in either form.

`install` is called once per process: by the command line, and by `definitions.py` in Dagster's code
server and in the processes of runs. What Dagster's daemon and web server log is theirs; `make run`
starts them with the same format.
"""

from __future__ import annotations

import io
import json
import logging
import re
import sys
import threading
from typing import TYPE_CHECKING, Any, Final, TextIO
from urllib.parse import urlsplit

from market_assets.redaction import HIDDEN, redacted

if TYPE_CHECKING:
    from collections.abc import Iterable, MutableMapping

_TEXT: Final = "%(asctime)s %(levelname)s %(name)s: %(message)s"
_OF_A_RUN: Final = ("job_name", "run_id", "step_key")
_COLOURS: Final = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_SHORTEST: Final = 8
"""A path or query of a secret address that is shorter says nothing, and would hide plain words."""


def install(log_format: str, *, secrets: Iterable[str] = (), level: int = logging.INFO) -> None:
    """Have everything that this process logs go to stderr in one form. May be called again.

    Args:
        log_format: `text` or `json`.
        secrets: values that are taken out wherever they appear, besides what looks like a secret.
        level: of the project's own loggers, and from `WARNING` on of Dagster's in a run; other
            libraries' warnings are shown in any case.
    """
    hidden = _values(secrets)
    least = level if level > logging.INFO else logging.NOTSET
    formatter = (
        json_formatter(hidden)
        if log_format == "json"
        else Redacting(logging.Formatter(_TEXT), hidden)
    )
    root = logging.getLogger()
    for handler in [one for one in root.handlers if isinstance(one, _Stderr)]:
        root.removeHandler(handler)
    if isinstance(sys.stderr, JsonLines):
        sys.stderr = sys.stderr.inner
    if log_format == "json":
        sys.stderr = JsonLines(sys.stderr, formatter)
    ours = _Stderr()
    ours.setFormatter(formatter)
    root.addHandler(ours)
    logging.getLogger("market_assets").setLevel(level)
    # Dagster makes the logger of each run anew, unregistered, with a handler and a format of its
    # own; the class of loggers is the only place where it lets itself be told otherwise.
    logging.setLoggerClass(
        _logger_class(formatter if log_format == "json" else None, hidden, least)
    )


def level_of(name: str | None, usual: int) -> int:
    """The number of a level that somebody has set; the usual one where nobody has."""
    return usual if name is None else logging.getLevelNamesMapping()[name.upper()]


def cleaned(text: str, secrets: Iterable[str] = ()) -> str:
    """The text as a log line would show it.

    Args:
        text: what somebody is to see.
        secrets: values that are taken out wherever they appear, besides what looks like a secret.
    """
    return str(_clean(text, _values(secrets)))


def json_formatter(hidden: Iterable[str] = ()) -> logging.Formatter:
    """Records as JSON objects: timestamp, level, logger, event, and of a run its job, id and step.

    Args:
        hidden: values that are taken out.
    """
    import structlog  # noqa: PLC0415 - 60 ms, only where JSON is wanted

    values = tuple(hidden)

    def clean(_logger: object, _name: str, event: MutableMapping[str, Any]) -> Any:
        return {name: _clean(value, values) for name, value in event.items()}

    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[
            structlog.stdlib.add_logger_name,
            structlog.stdlib.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _of_a_run,
        ],
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.StackInfoRenderer(),
            structlog.processors.format_exc_info,
            clean,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
    )


class Redacting(logging.Formatter):
    """Another formatter's text, tracebacks included, without secrets."""

    def __init__(self, inner: logging.Formatter, hidden: Iterable[str] = ()) -> None:
        super().__init__()
        # A handler that is given to a second logger brings the formatter that it got at the first.
        self.inner: logging.Formatter = inner.inner if isinstance(inner, Redacting) else inner
        self._hidden = tuple(hidden)

    def format(self, record: logging.LogRecord) -> str:
        return str(_clean(self.inner.format(record), self._hidden))


class JsonLines(io.TextIOBase):
    """A stderr on which every line is a JSON object, whoever writes it.

    Progress of a command, a warning of Python, the traceback of what nobody caught: a line that is
    no record yet becomes the `event` of one, without colours and without secrets. So does one that
    only looks like one: a dictionary that somebody printed, a line of a body in a traceback.
    """

    def __init__(self, inner: TextIO, formatter: logging.Formatter) -> None:
        self.inner = inner
        self._formatter = formatter
        self._begun = ""
        self._lock = threading.RLock()

    @property
    def encoding(self) -> str:  # type: ignore[override]  # an attribute there
        return self.inner.encoding

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self.inner.fileno()

    def write(self, text: str) -> int:
        with self._lock:
            *lines, self._begun = (self._begun + text).split("\n")
            for line in lines:
                self._emit(line)
        return len(text)

    def flush(self) -> None:
        self.inner.flush()

    def _emit(self, line: str) -> None:
        plain = _COLOURS.sub("", line).strip("\r")
        if _is_record(plain):
            self.inner.write(f"{plain}\n")
        elif plain.strip():
            record = logging.LogRecord("stderr", logging.INFO, "", 0, "%s", (plain,), None)
            self.inner.write(f"{self._formatter.format(record)}\n")


def _is_record(line: str) -> bool:
    """Whether a line is a record as a formatter of JSON writes it."""
    if not line.startswith("{"):
        return False
    try:
        said = json.loads(line)
    except (ValueError, RecursionError):
        return False
    return isinstance(said, dict) and "event" in said


class _Stderr(logging.StreamHandler[TextIO]):
    """Writes to whatever `sys.stderr` is at the moment."""

    def __init__(self) -> None:
        logging.Handler.__init__(self)

    def filter(self, record: logging.LogRecord) -> bool:
        """The project's records, and warnings of others that have no handler of their own."""
        top = record.name.partition(".")[0]
        if top != "market_assets" and (
            record.levelno < logging.WARNING or logging.getLogger(top).handlers
        ):
            return False
        return super().filter(record)

    @property
    def stream(self) -> TextIO:  # type: ignore[override]  # an attribute there, looked up anew here
        return sys.stderr


def _logger_class(
    formatter: logging.Formatter | None, hidden: Iterable[str], least: int
) -> type[logging.Logger]:
    """Loggers whose stderr handlers write in our form, or in their own without secrets."""

    class Ours(logging.Logger):
        def addHandler(self, hdlr: logging.Handler) -> None:  # noqa: N802 - logging's name
            if isinstance(hdlr, logging.StreamHandler) and not isinstance(
                hdlr, logging.FileHandler | _Stderr
            ):
                inner = hdlr.formatter or logging.Formatter(_TEXT)
                hdlr.setFormatter(formatter or Redacting(inner, hidden))
                hdlr.setLevel(max(hdlr.level, least))
            super().addHandler(hdlr)

    return Ours


def _of_a_run(
    _logger: object, _name: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """What Dagster knows of the run that logs."""
    meta = getattr(event.get("_record"), "dagster_meta", None)
    if isinstance(meta, dict):
        event.update({name: meta[name] for name in _OF_A_RUN if meta.get(name)})
    return event


def _clean(value: object, hidden: Iterable[str]) -> object:
    if not isinstance(value, str):
        return value
    for secret in hidden:
        value = value.replace(secret, HIDDEN)
    return redacted(value)


def _values(secrets: Iterable[str]) -> tuple[str, ...]:
    """Each secret, and of an address what is after the host; the longest first."""
    found = set()
    for secret in filter(None, secrets):
        found.add(secret)
        parts = urlsplit(secret) if "://" in secret else None
        if parts is not None:
            rest = (parts.path, parts.query, *(parts.path.split("/")))
            found.update(part for part in rest if len(part) >= _SHORTEST)
    return tuple(sorted(found, key=len, reverse=True))
