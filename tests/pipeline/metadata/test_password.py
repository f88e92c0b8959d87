"""Where the password of the metadata store comes from."""

import os
from pathlib import Path

import pytest

from pipeline.errors import InfrastructureError
from pipeline.metadata import password
from pipeline.metadata.address import PASSWORD_VARIABLE
from pipeline.metadata.password import FILE_VARIABLE


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(password, "_taken", [])
    for name in (PASSWORD_VARIABLE, FILE_VARIABLE):
        monkeypatch.delenv(name, raising=False)


def test_a_file_may_hold_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert password.password() == ""
    file = tmp_path / "secret"
    file.write_text(" it's \\ a secret\r\n")
    monkeypatch.setenv(FILE_VARIABLE, str(file))
    assert password.password() == " it's \\ a secret"
    assert password.blotted("x it's \\ a secret y") == "x*** y"
    monkeypatch.setenv(PASSWORD_VARIABLE, "this one")
    assert password.password() == "this one"


def test_what_is_taken_is_in_no_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "secret"
    file.write_text("secret")
    monkeypatch.setenv(FILE_VARIABLE, str(file))
    password.take()
    assert not {PASSWORD_VARIABLE, FILE_VARIABLE} & set(os.environ)
    file.unlink()
    assert password.password() == "secret"
    password.take()  # in a process that this one forked
    assert password.password() == "secret"


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(FILE_VARIABLE, str(tmp_path / "none"))
    with pytest.raises(InfrastructureError, match="password cannot be read") as caught:
        password.password()
    assert caught.value.where == f"{FILE_VARIABLE}={tmp_path}/none"
