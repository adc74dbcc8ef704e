"""Log lines: JSON or text, without secrets, whoever writes them."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from market_assets import logs
from market_assets.redaction import redacted

WEBHOOK = "https://hooks.example.org/services/T0WEBHOOK1/B0WEBHOOK2?auth=T0QUERY99"
TOKEN = "T0APITOKEN"
SECRETS = ("T0WEBHOOK1", "B0WEBHOOK2", "T0QUERY99", TOKEN, "T0VENUEKEY")


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    """This process's logging is what it was when the test is over."""
    root, stderr, kind = logging.getLogger(), sys.stderr, logging.getLoggerClass()
    handlers, level = list(root.handlers), logging.getLogger("market_assets").level
    yield
    root.handlers[:] = handlers
    sys.stderr = stderr
    logging.setLoggerClass(kind)
    logging.getLogger("market_assets").setLevel(level)


def _fail() -> None:
    raise OSError(f"GET https://v.example/x?apikey=T0VENUEKEY for {TOKEN}")


def _log_everything() -> None:
    log = logging.getLogger("market_assets.test")
    log.info("posting to %s with %s", WEBHOOK, TOKEN)
    try:
        _fail()
    except OSError:
        log.exception("it failed")
    logging.getLogger("httpx").warning("POST /services/T0WEBHOOK1/B0WEBHOOK2")


def test_json_lines_are_objects_without_secrets(capsys: pytest.CaptureFixture[str]) -> None:
    logs.install("json", secrets=[WEBHOOK, TOKEN])
    _log_everything()
    written = capsys.readouterr().err
    lines = [json.loads(line) for line in written.splitlines()]
    assert [(line["level"], line["logger"]) for line in lines] == [
        ("info", "market_assets.test"),
        ("error", "market_assets.test"),
        ("warning", "httpx"),
    ]
    assert "Traceback" in lines[1]["exception"]
    assert lines[1]["exception"].endswith("OSError: GET https://v.example/x for …")
    assert all(line["timestamp"].endswith("Z") for line in lines)
    assert [secret for secret in SECRETS if secret in written] == []


def test_text_lines_are_for_people_and_without_secrets(
    capsys: pytest.CaptureFixture[str],
) -> None:
    logs.install("text", secrets=[WEBHOOK, TOKEN])
    _log_everything()
    written = capsys.readouterr().err
    assert "INFO market_assets.test: posting to … with …" in written
    assert "OSError: GET https://v.example/x for …" in written
    assert [secret for secret in SECRETS if secret in written] == []


def test_installed_twice_it_writes_once(capsys: pytest.CaptureFixture[str]) -> None:
    logs.install("json")
    logs.install("text")
    logs.install("json")
    logging.getLogger("market_assets.test").info("once")
    assert capsys.readouterr().err.count("once") == 1


def test_in_json_what_is_printed_is_an_object_too(capsys: pytest.CaptureFixture[str]) -> None:
    logs.install("json", secrets=[TOKEN])
    sys.stderr.write("\x1b[31mhalf")
    sys.stderr.write(f" and half of {TOKEN}\x1b[0m\n\nanother\n")
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [line["event"] for line in lines] == ["half and half of …", "another"]
    assert {line["logger"] for line in lines} == {"stderr"}


def test_what_only_looks_like_json_becomes_an_object_without_secrets(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A printed dictionary would break the line's form, and tell what is in it."""
    logs.install("json", secrets=[TOKEN])
    sys.stderr.write(f"{{'token': '{TOKEN}'}}\n")
    sys.stderr.write('{"password": "hunter2"}\n')
    lines = capsys.readouterr().err.splitlines()
    assert [json.loads(line)["event"] for line in lines] == ["{'token': '…'}", '{"password": "…"}']


def test_below_the_level_nothing_is_written(capsys: pytest.CaptureFixture[str]) -> None:
    logs.install("text", level=logging.WARNING)
    logging.getLogger("market_assets.test").info("quiet")
    logging.getLogger("market_assets.test").warning("loud")
    written = capsys.readouterr().err
    assert "loud" in written
    assert "quiet" not in written


def test_a_short_part_of_a_secret_address_hides_no_plain_words(
    capsys: pytest.CaptureFixture[str],
) -> None:
    logs.install("text", secrets=["http://127.0.0.1:9/hook"])
    logging.getLogger("market_assets.test").warning("the hook of /hook")
    assert "the hook of /hook" in capsys.readouterr().err


def test_a_handler_that_many_loggers_share_is_not_wrapped_again_and_again() -> None:
    """A thousand runs in one process once ended in a RecursionError."""
    formatter: logging.Formatter = logging.Formatter("%(message)s")
    for _ in range(5000):
        formatter = logs.Redacting(formatter, ["hunter2-hunter2"])
    record = logging.LogRecord("any", logging.INFO, "", 0, "token hunter2-hunter2", None, None)
    assert "hunter2" not in formatter.format(record)


def test_text_keeps_its_lines_when_it_is_redacted() -> None:
    assert redacted("a\n  token=x\nb") == "a\n  token=…\nb"


_RUN = """
import dagster as dg
from market_assets.logs import install
install({form!r}, secrets=[{webhook!r}, {token!r}])

@dg.op
def ask(context):
    context.log.info("asking with {token}")
    raise RuntimeError("GET https://v.example/x?apikey=T0VENUEKEY and {webhook}")

@dg.job
def refresh():
    ask()

with dg.DagsterInstance.ephemeral() as instance:
    refresh.execute_in_process(instance=instance, raise_on_error=False)
"""


@pytest.mark.parametrize("form", ["json", "text"])
def test_a_run_of_dagster_s_writes_the_same_form(form: str, tmp_path: Path) -> None:
    """Its console logger is Dagster's own, made anew for each run."""
    done = subprocess.run(
        [sys.executable, "-c", _RUN.format(form=form, webhook=WEBHOOK, token=TOKEN)],
        env={**os.environ, "DAGSTER_HOME": str(tmp_path)},
        cwd=Path(__file__).resolve().parents[1],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert [secret for secret in SECRETS if secret in done.stderr] == []
    assert "asking with …" in done.stderr
    assert "RuntimeError: GET https://v.example/x and …" in done.stderr
    if form == "json":
        lines = [json.loads(line) for line in done.stderr.splitlines()]
        (said,) = [line for line in lines if "asking with" in line["event"]]
        assert (said["job_name"], said["step_key"], said["level"]) == ("refresh", "ask", "info")
        assert said["run_id"]
