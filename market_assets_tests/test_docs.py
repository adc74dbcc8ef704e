"""The docs are true: the generated is up to date, the typed works, the linked exists."""

from __future__ import annotations

import re
import shlex
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import requires
from pathlib import Path

import duckdb
import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from market_assets.cli.main import cli, main
from market_assets_tests.simulated import simulated
from scripts import docs

ROOT = Path(__file__).resolve().parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
_COMMAND = re.compile(r"(?:^|`)(?:\.venv/bin/)?(market-assets [a-z][^`\n#]*)", re.MULTILINE)
_LINK = re.compile(r"\]\(([^)#]+)(?:#[^)]*)?\)")
_NOT_HERE = {"api", "run", "setup", "simulate"}
"""Commands that go on until they are stopped; `system/` and `cli/` run them."""
_NEEDED = ("hyperliquid_mid_prices", "hyperliquid_candles where interval = '1h' and is_closed")
"""Rows that the pages' commands and lines show."""


def _blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", page.read_text("utf-8"), re.DOTALL)


def _documented() -> list[str]:
    found = {m.strip() for page in PAGES for m in _COMMAND.findall(page.read_text("utf-8"))}
    return sorted(command for command in found if shlex.split(command)[1] in cli.commands)


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """A folder as the README leaves it: data/market.duckdb with something in it."""
    folder = tmp_path_factory.mktemp("docs")
    with simulated(main=4, builder=1, spot=1) as venue, pytest.MonkeyPatch.context() as patch:
        env = {
            **venue.environment,
            "MARKET_DB": str(folder / "data" / "market.duckdb"),
            "DAGSTER_HOME": str(folder / "dagster"),
            "MARKET_SYMBOLS": "BTC",
            "MARKET_FLUSH_SECONDS": "0.5",
            "NO_PROXY": "127.0.0.1",
        }
        for name, value in env.items():
            patch.setenv(name, value)
        patch.chdir(folder)
        for _ in range(10):  # on a busy machine three seconds may end before the first flush
            _type("market-assets stream hyperliquid --duration 3")
            with duckdb.connect(env["MARKET_DB"], read_only=True) as connection:
                if all(connection.execute(f"from {rows}").fetchone() for rows in _NEEDED):
                    break
        yield env


def _type(command: str, seconds: int = 3) -> int:
    """What a shell does with the line; a stream need not go on as long as the page says."""
    arguments = shlex.split(re.sub(r"--duration \d+", f"--duration {seconds}", command))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", arguments)
        try:
            main()
        except SystemExit as end:
            return int(end.code or 0)
    return 0


def test_what_is_generated_is_up_to_date(capsys: pytest.CaptureFixture[str]) -> None:
    code = docs.main(["--check"])
    assert code == 0, capsys.readouterr().out


@pytest.mark.parametrize("command", _documented())
@pytest.mark.usefixtures("filled")
def test_every_command_works_as_it_is_written(command: str) -> None:
    name = shlex.split(command)[1]
    if name in _NOT_HERE:
        assert name in cli.commands
        return
    # `check` says 1 here: no daemon runs beside this test, and that is what it should say.
    expected = 1 if name == "check" else 0
    # On a busy machine nothing may have come within three seconds, which a stream says with a 1.
    assert _type(command) == expected or (name == "stream" and _type(command, 30) == expected)


def test_every_command_of_the_command_line_is_in_the_readme() -> None:
    text = (ROOT / "README.md").read_text("utf-8")
    assert {name for name in cli.commands if f"market-assets {name}" not in text} == set()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_query_works_as_it_is_written(page: Path, filled: dict[str, str]) -> None:
    with duckdb.connect(filled["MARKET_DB"], read_only=True) as connection:
        for query in _blocks(page, "sql"):
            connection.execute(query)


@pytest.mark.usefixtures("filled")
def test_the_notebook_s_lines_print_prices(capsys: pytest.CaptureFixture[str]) -> None:
    (code,) = _blocks(ROOT / "README.md", "python")
    exec(compile(code, "README.md", "exec"), {})  # noqa: S102 - the README's own lines
    assert "BTC" in capsys.readouterr().out


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page: Path) -> None:
    for target in _LINK.findall(page.read_text("utf-8")):
        if "://" not in target:
            assert (page.parent / target).exists(), target


def test_make_targets_that_are_documented_exist() -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    targets = set(re.findall(r"^([a-z0-9]+):", makefile, re.MULTILINE))
    for page in PAGES:
        said = set(re.findall(r"`(?:\w+=\w+ )?make ([a-z0-9]+)`", page.read_text("utf-8")))
        assert said <= targets, page


def test_every_dependency_earns_its_place_in_one_line() -> None:
    text = (ROOT / "docs" / "dependencies.md").read_text("utf-8").lower()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    extras = project["optional-dependencies"].values()
    declared = [*project["dependencies"], *(one for extra in extras for one in extra)]
    names = {re.split(r"[<>=\[]", one)[0].lower() for one in declared}
    assert {name for name in names if name not in text} == set()


def test_locks_pin_names_and_versions_and_nothing_else() -> None:
    for name in ("requirements.lock", "requirements-dev.lock"):
        for line in (ROOT / name).read_text("utf-8").splitlines():
            assert re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.+]+", line), line


def test_locks_pin_all_that_is_needed_by_what_they_pin() -> None:
    """On this Python: a newer one may need more, as it has less of its own."""
    pinned = {
        canonicalize_name(line.partition("==")[0])
        for name in ("requirements.lock", "requirements-dev.lock")
        for line in (ROOT / name).read_text("utf-8").splitlines()
    }
    needed = {
        canonicalize_name(one.name)
        for package in pinned
        for one in map(Requirement, requires(package) or ())
        if one.marker is None or one.marker.evaluate({"extra": ""})
    }
    assert needed - pinned == set()
