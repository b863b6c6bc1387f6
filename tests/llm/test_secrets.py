"""Keys are found where they belong and never show."""

from __future__ import annotations

import copy
import json
import pickle
from pathlib import Path

import pytest

from hyperfunc.llm.secrets import Secret, find_key, known_secrets, redact

VALUE = "sk-planted-abcdef-0123456789"


def test_a_key_never_shows() -> None:
    key = Secret(VALUE, "OPENAI_API_KEY")
    for shown in (str(key), repr(key), f"{key}", f"{key!r:>40}", f"{[key]}", "".join(map(str, [key]))):
        assert VALUE not in shown
    assert "OPENAI_API_KEY" in repr(key)
    assert key.reveal() == VALUE


def test_a_key_cannot_be_written() -> None:
    key = Secret(VALUE)
    for write in (pickle.dumps, copy.deepcopy, json.dumps):
        with pytest.raises(TypeError):
            write(key)
    assert not hasattr(key, "__dict__")


def test_known_keys_are_taken_out_of_texts_the_longest_first() -> None:
    Secret("abcdefgh")
    Secret("abcdefgh-and-more")
    assert redact("x abcdefgh-and-more y abcdefgh z") == "x [key] y [key] z"
    assert {"abcdefgh", "abcdefgh-and-more"} <= known_secrets()


def test_words_too_short_for_a_key_are_left_alone() -> None:
    Secret("a")
    assert redact("a banana") == "a banana"


def test_the_environment_comes_before_the_files(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    project, user = tmp_path / "project", tmp_path / "config"
    project.mkdir()
    (user / "hyperfunc").mkdir(parents=True)
    monkeypatch.chdir(project)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(user))
    monkeypatch.delenv("TEST_KEY", raising=False)

    def found() -> str | None:
        key = find_key("TEST_KEY")
        return None if key is None else key.reveal()

    assert found() is None
    (user / "hyperfunc" / ".env").write_text("TEST_KEY=of-the-user\n")
    assert found() == "of-the-user"
    (project / ".env").write_text("# TEST_KEY=not-this\nexport TEST_KEY='of the # project' \nOTHER=1\n")
    assert found() == "of the # project"
    monkeypatch.setenv("TEST_KEY", "of-the-environment")
    assert found() == "of-the-environment"


@pytest.mark.parametrize(
    ("line", "value"),
    [('K="a b"', "a b"), ("K=a#b", "a#b"), ("K=a # note", "a"), (" K = a ", "a"), ("K=", None), ("K", None)],
)
def test_lines_of_an_env_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, line: str, value: str | None
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    (tmp_path / ".env").write_text(line + "\n")
    key = find_key("K")
    assert (key and key.reveal()) == value
