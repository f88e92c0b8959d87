"""The URL of a metadata store: what it may say, and that a password in it is refused and never told."""

from pathlib import Path

import pytest

from pipeline.config import read_problem
from pipeline.errors import SettingsError
from pipeline.metadata.address import Address, AddressError, hidden, parse


def test_a_url_is_taken_apart() -> None:
    assert parse("postgresql://ann@db.example:6543/team") == Address("postgresql", "ann", "db.example", 6543, "team")
    assert parse("postgresql://ann@db/team").port == 5432
    assert parse("mysql://a%40b@10.0.0.7/team").url == "mysql://a%40b@10.0.0.7:3306/team"
    assert parse("postgresql://ann@[::1]:5432/team").url == "postgresql://ann@[::1]:5432/team"


@pytest.mark.parametrize(
    ("url", "hint"),
    [
        ("postgres://ann@db/team", "did you mean postgresql://ann@db/team?"),
        ("postgresq://ann@db/team", "did you mean postgresql://ann@db/team?"),
        ("mariadb://ann@db/team", "did you mean mysql://ann@db/team?"),
        ("sqlite:///metadata.db", "SQLite is what a workspace has anyway, in metadata.db: leave the setting out"),
        ("oracle://ann@db/team", None),
        ("postgresql://db/team", "a user is missing"),
        ("postgresql://ann@db", "a database is missing"),
        ("mysql://", "a user and a host and a database is missing"),
        ("postgresql://ann@db/a/b", "name one database"),
        ("postgresql://ann@db:port/a", "the port is a number; and no password belongs into the URL"),
        ('postgresql://ann@d"b/a', "the host is a name or an address"),
    ],
)
def test_what_names_no_store_is_refused(url: str, hint: str | None) -> None:
    with pytest.raises(AddressError) as caught:
        parse(url)
    assert (str(caught.value), caught.value.hint) == (
        "postgresql://user@host:port/database, or mysql:// for MySQL and MariaDB",
        hint,
    )


def test_options_are_refused() -> None:
    with pytest.raises(AddressError, match="without options"):
        parse("postgresql://ann@db/team?sslmode=require")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "prices").mkdir()
    (tmp_path / "prices" / "pipeline.toml").write_text('label = "price"\n[data]\npath = "rows.csv"\n')
    return tmp_path / "prices"


def test_it_is_a_setting(folder: Path) -> None:
    assert read_problem(folder).settings.metadata.address is None
    settings = read_problem(folder, ["metadata.url=mysql://ann@db/team"]).settings
    assert settings.metadata.address == Address("mysql", "ann", "db", 3306, "team")


@pytest.mark.parametrize("password", ["hunter2", "hun:ter2", "hun/ter2@x", "hunter2@"])
@pytest.mark.parametrize("key", ["metadata.url", "metadata.ur", "metadata"])
def test_a_password_is_refused_and_not_told(folder: Path, key: str, password: str) -> None:
    with pytest.raises(SettingsError) as caught:
        read_problem(folder, [f"{key}=postgresql://ann:{password}@db/team"])
    said = caught.value.render()
    assert "hun" not in said
    assert "ter2" not in said
    if key == "metadata.url" and "/" not in password:
        assert '  got:      "postgresql://ann:***@db/team"' in said.replace("   ", "  ", 1)
        assert "a URL without a password" in said
        assert "export ESTIMATOR_PIPELINE_METADATA_PASSWORD=..." in said


def test_a_password_in_a_broken_file_is_not_told(folder: Path) -> None:
    (folder / "pipeline.toml").write_text('label = "price"\n[metadata]\nurl = postgresql://ann:hunter2@db/team\n')
    with pytest.raises(SettingsError) as caught:
        read_problem(folder)
    assert "not valid TOML" in caught.value.headline
    assert "hunter2" not in caught.value.render()


def test_what_is_hidden() -> None:
    assert hidden("at postgresql://ann:secret@db/x and") == "at postgresql://ann:***@db/x and"
    assert hidden("postgresql://ann:my pass'w@db/x") == "postgresql://ann:***@db/x"
    assert hidden("postgresql://ann@db/x?a=1&password=secret&b=2") == "postgresql://ann@db/x?a=1&password=***&b=2"
    assert hidden("postgresql://ann@db:5432/x") == "postgresql://ann@db:5432/x"
    assert hidden("/data/a:b@c") == "/data/a:b@c"
