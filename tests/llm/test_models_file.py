"""Models by name: what files may say, and that whatever is wrong in them is said clearly."""

from __future__ import annotations

from pathlib import Path

import pytest

from hyperfunc.errors import ModelError, UnknownModel
from hyperfunc.llm.model_spec import ModelSpec, Price, spec_of_name
from hyperfunc.llm.models_file import model_files, read_models, spec_from_files

WHOLE = """
models:
  llama-3.1-8b-instruct:
    provider: koboldcpp
    url: http://127.0.0.1:5001
    template: llama3
    gguf: ~/models/llama.gguf
    timeout_s: 120
    limits: {concurrency: 4, requests_per_minute: 30, tokens_per_minute: 9000.5, context: 8192}
    price: {input: 0, output: 0.5}
    extra: {grammar: ""}
  small:
    provider: openai
    model: gpt-x
    key: OTHER_KEY
"""


def written(folder: Path, text: str, name: str = "models.yaml") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def test_everything_a_file_may_say(tmp_path: Path) -> None:
    path = written(tmp_path, WHOLE)
    found = read_models(path)
    assert found["llama-3.1-8b-instruct"] == ModelSpec(
        provider="koboldcpp", url="http://127.0.0.1:5001", template="llama3", gguf="~/models/llama.gguf",
        timeout_s=120, concurrency=4, requests_per_minute=30, tokens_per_minute=9000.5, context=8192,
        price=Price(input=0.0, output=0.5), extra={"grammar": ""}, source=str(path),
    )  # fmt: skip
    assert (found["small"].model, found["small"].key) == ("gpt-x", "OTHER_KEY")
    assert read_models(written(tmp_path, "")) == {}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("models: {a: {provider: koboldccp, url: http://x}}", "needs a provider; did you mean 'koboldcpp'"),
        ("models: {a: {url: http://x}}", "a needs a provider: one of openai"),
        (
            "models: {a: {provider: vllm, model: m, tempalte: x}}",
            "'tempalte', which is not known; did you mean 'template'",
        ),
        (
            "models: {a: {provider: vllm, model: m, limits: {rpm: 3}}}",
            "limits has 'rpm'.*requests_per_minute",
        ),
        (
            "models: {a: {provider: vllm, model: m, limits: {concurrency: 0}}}",
            "concurrency is 0; give a whole number above 0",
        ),
        (
            "models: {a: {provider: vllm, model: m, limits: {concurrency: 1.5}}}",
            "concurrency is 1.5; give a whole",
        ),
        ("models: {a: {provider: vllm, model: m, timeout_s: .inf}}", "timeout_s is inf"),
        ("models: {a: {provider: vllm, model: m, timeout_s: true}}", "timeout_s is True"),
        (
            "models: {a: {provider: vllm, model: m, price: {input: -1, output: 1}}}",
            "input is -1; give US dollars",
        ),
        ("models: {a: {provider: vllm, model: m, price: 3}}", "price is 3; write names with values"),
        ("models: {a: {provider: vllm, model: 3}}", "model is 3; write a text"),
        ("models: {a: {provider: vllm}}", "needs a model"),
        ("models: {a: {provider: llamacpp}}", "needs a url"),
        (
            "models: {a: {provider: llamacpp, url: http://x, api: generate}}",
            "no api 'generate'; it has chat, completion",
        ),
        ("models: {a: {provider: vllm, provider: openai}}", "'provider' stands twice"),
        ("models: {a: {provider: [openai]}}", "needs a provider; did you mean 'openai'"),
        ("models: {a: {<<: {provider: vllm}, model: m, model: n}}", "'model' stands twice"),
        ("models: {a: 3}", "a is 3; write names with values"),
        ("modles: {}", "'modles'; did you mean 'models'"),
        ("models: {a: [", "cannot be read"),
        ("!!python/object/apply:os.system [echo]", "cannot be read"),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(ModelError, match=says) as found:
        read_models(written(tmp_path, text))
    assert "models.yaml" in str(found.value)
    assert "\n" not in str(found.value)


def test_entries_may_share_what_they_have_in_common(tmp_path: Path) -> None:
    text = "base: &base {provider: openai, model: m}\nmodels:\n  a: {<<: *base, model: n}\n"
    path = tmp_path / "hyperfunc.yaml"
    path.write_text(text)
    assert read_models(path)["a"].model == "n"


def test_the_nearest_file_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project, user = tmp_path / "project", tmp_path / "config" / "hyperfunc"
    project.mkdir()
    user.mkdir(parents=True)
    monkeypatch.chdir(project)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    assert model_files() == []
    entry = "models: {{a: {{provider: vllm, model: {}}}}}"
    written(user, entry.format("of-the-user"))
    spec, _ = spec_from_files("a")
    assert spec is not None
    assert spec.model == "of-the-user"
    written(project, entry.format("of-the-project") + "\nother: section", "hyperfunc.yaml")
    spec, _ = spec_from_files("a")
    assert spec is not None
    assert spec.model == "of-the-project"
    assert spec_from_files("b") == (None, ["a", "a"])


@pytest.mark.parametrize(
    ("name", "spec"),
    [
        ("openai/gpt-x", ModelSpec(provider="openai", model="gpt-x")),
        ("openrouter/meta/llama:free", ModelSpec(provider="openrouter", model="meta/llama:free")),
        ("litellm/anthropic/c", ModelSpec(provider="litellm", model="anthropic/c")),
        ("llamacpp/http://127.0.0.1:8080/", ModelSpec(provider="llamacpp", url="http://127.0.0.1:8080")),
        ("llamacpp/https://h/p?api=completion&template=none",
         ModelSpec(provider="llamacpp", url="https://h/p", api="completion", template="none")),
        ("vllm/http://h:1#org/model", ModelSpec(provider="vllm", url="http://h:1", model="org/model")),
        ("mine/other", None),
        ("gpt-x", None),
    ],
)  # fmt: skip
def test_names_that_say_where_a_model_is(name: str, spec: ModelSpec | None) -> None:
    assert spec_of_name(name) == spec


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("llamacpp/my-model", "has no address; write it like llamacpp/http://"),
        ("openai/", "has no model"),
        ("vllm/http://h:1", "write it behind the address"),
    ],
)
def test_names_that_lack_something(name: str, says: str) -> None:
    with pytest.raises(UnknownModel, match=says):
        spec_of_name(name)


def test_options_of_a_name_are_checked() -> None:
    with pytest.raises(ModelError, match="did you mean 'template'"):
        spec_of_name("koboldcpp/http://h?tmplate=chatml")
