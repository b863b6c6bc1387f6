"""Keys are found where they belong and never show."""

from __future__ import annotations

import copy
import html
import json
import pickle
from pathlib import Path
from urllib.parse import quote, quote_plus

import pytest

from hyperfunc.errors import KeyRefused
from hyperfunc.llm.secrets import Secret, find_key, known_secrets, redact, shown_variable

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
    [
        ('K="a b"', "a b"), ("K=a#b", "a#b"), ("K=a # note", "a"), (" K = a ", "a"), ("K=", None),
        ("K", None), ('K="a" # note', "a"), ("K='a#b'# it's one", "a#b"), ("K=a\t# note", "a"),
        ("K= # note", None), ("export\tK=a", "a"), ("#K=a", None), ("# K=a", None), ("K=a'b", "a'b"),
        ("K=a=b==", "a=b=="), ("\ufeffK=a", "a"), ("\u00e9=b\r\nK=a\r", "a"),
    ],
)  # fmt: skip
def test_lines_of_an_env_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, line: str, value: str | None
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    (tmp_path / ".env").write_text(line + "\n", encoding="utf-8", newline="")
    key = find_key("K")
    assert (key and key.reveal()) == value


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "latin-1"])
def test_an_env_file_is_read_in_whatever_an_editor_wrote(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, encoding: str
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    (tmp_path / ".env").write_text("# caf\u00e9\nK=a-key\n", encoding=encoding)
    key = find_key("K")
    assert key is not None
    assert key.reveal() == "a-key"


def test_white_space_around_a_key_is_no_part_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEST_KEY", f" {VALUE}-spaced\r\n")
    key = find_key("TEST_KEY")
    assert key is not None
    assert key.reveal() == f"{VALUE}-spaced"
    assert redact(f"refused: {VALUE}-spaced.") == "refused: [key]."


@pytest.mark.parametrize("inside", ["\n", "\x01", "\x7f", "\udcff"])
def test_a_key_that_no_request_can_carry_is_refused_without_being_shown(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, inside: str
) -> None:
    monkeypatch.setattr("os.environ", {"TEST_KEY": f"half{inside}other-half", "HOME": str(tmp_path)})
    with pytest.raises(KeyRefused, match="the key TEST_KEY has a line break") as refused:
        find_key("TEST_KEY")
    assert "half" not in str(refused.value)


def test_a_key_is_known_in_the_form_that_others_write_it_in() -> None:
    odd = 'sk+odd/"key"\\\u00fc<&>='
    Secret(odd)
    for said in (
        odd, json.dumps(odd), json.dumps(odd, ensure_ascii=False), quote(odd, safe=""), quote_plus(odd),
        html.escape(odd),
    ):  # fmt: skip
        assert "[key]" in redact(said)
        assert "odd" not in redact(said)


@pytest.mark.parametrize("name", ["sk-live-1234567890", "gsk_aB3dE5", "0123abcd", "hf_qwertyUIOP"])
def test_a_key_in_the_place_of_a_variable_is_not_shown(name: str) -> None:
    assert name not in shown_variable(name)
    assert shown_variable("MY_KEY_2") == "MY_KEY_2"
