"""Views over Parquet files beside the published file can be read; nothing else of the machine."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from market_assets.storage.files.published import Published
from market_assets.storage.files.view_files import folders_read_by_views


def _parquet(file: Path, number: int) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    with duckdb.connect() as connection:
        connection.execute(f"copy (select {number} as n) to '{_quoted(file)}' (format parquet)")
    return file


def _quoted(path: Path) -> str:
    return str(path).replace("'", "''")


@pytest.fixture
def published(tmp_path: Path) -> Path:
    """A database with views over a pattern of folders and over one file."""
    archive = tmp_path / "it's here" / "prices"
    for day in (1, 2):
        _parquet(archive / f"day=2026-11-0{day}" / "data.parquet", day)
    one = _parquet(tmp_path / "one" / "data.parquet", 7)
    path = tmp_path / "market.duckdb"
    with duckdb.connect(path) as connection:
        pattern = _quoted(archive / "day=2026-11-*" / "data.parquet")
        connection.execute("create table prices as select 0 as n")
        connection.execute(
            "create view prices_all as from prices union all "
            f"from read_parquet(['{pattern}'], hive_partitioning = false)"
        )
        connection.execute(f"create view ones as from read_parquet('{_quoted(one)}')")
    return path


def test_a_view_over_files_can_be_read(published: Path) -> None:
    reader = Published(published)
    with reader.snapshot() as snapshot:
        assert snapshot.rows("select n from prices_all order by n") == [{"n": n} for n in range(3)]
        assert snapshot.rows("select n from ones") == [{"n": 7}]
        assert snapshot.columns["prices_all"] == ("n",)
    reader.close()


def test_other_files_cannot(published: Path, tmp_path: Path) -> None:
    secret = _parquet(tmp_path / "secret" / "data.parquet", 9)
    beside = _parquet(tmp_path / "it's here" / "other" / "data.parquet", 9)
    reader = Published(published)
    with reader.snapshot() as snapshot:
        for file in (secret, beside):
            with pytest.raises(duckdb.PermissionException):
                snapshot.rows(f"from read_parquet('{_quoted(file)}')")
        for statement in ("set enable_external_access = true", "set allowed_directories = ['/']"):
            with pytest.raises(duckdb.Error):
                snapshot.rows(statement)
    reader.close()


def test_without_views_no_folder_is_open(tmp_path: Path) -> None:
    path = tmp_path / "market.duckdb"
    with duckdb.connect(path) as connection:
        connection.execute("create table prices as select 0 as n")
        connection.execute("create view copies as select n, 'x.txt' as file from prices")
        assert folders_read_by_views(connection, "market") == []
    file = _parquet(tmp_path / "data.parquet", 9)
    reader = Published(path)
    with reader.snapshot() as snapshot, pytest.raises(duckdb.PermissionException):
        snapshot.rows(f"from read_parquet('{_quoted(file)}')")
    reader.close()


def test_the_folder_of_a_pattern_is_the_deepest_certain_one(published: Path) -> None:
    with duckdb.connect() as connection:
        connection.execute(f"attach '{_quoted(published)}' as published (read_only)")
        found = folders_read_by_views(connection, "published")
    folder = published.parent
    assert found == [f"{folder}/it's here/prices/", f"{folder}/one/"]
