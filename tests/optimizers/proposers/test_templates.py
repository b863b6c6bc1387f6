"""Templates: filled in a single pass, and refused when they would not say what they should."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hyperfunc.errors import ProposerError
from hyperfunc.optimizers.proposers import PromptLearning, Reflection, wording
from hyperfunc.optimizers.proposers.templates import check_template, filled

BLOCKS = {"current": True, "records": True, "task": False}
parts = st.lists(
    st.sampled_from(["{current}", "{records}", "{task}", "{name}", "{{name}}", "{", "}", "x", "\n"])
)
texts = parts.map("".join)


@given(texts, texts, texts, texts)
def test_law_what_is_put_in_is_never_put_in_again(current: str, records: str, task: str, name: str) -> None:
    template = "A {name} {{name}}\n{current}\n{records}\n{task}\nZ {x y} {} {{ }}"
    blocks = {"current": f"c{current}", "records": f"r{records}", "task": f"t{task}"}
    found = filled(template, blocks, {"name": name})
    assert found == f"A {name} {{name}}\nc{current}\nr{records}\nt{task}\nZ {{x y}} {{}} {{{{ }}}}".strip(
        "\n"
    )


def test_an_empty_block_goes_with_its_line() -> None:
    assert filled("a\n\n{task}\n\nb", {"task": ""}, {}) == "a\n\nb"
    assert filled("a\n\n{task}\n\nb", {"task": "t"}, {}) == "a\n\nt\n\nb"


WRONG = {
    "{records}\n": "has {current} 0 times",
    "{current}\n{current}\n{records}": "has {current} 2 times",
    "Now {current}\n{records}": "inside a line",
    "{current}\n{records}\n{curent}": "did you mean 'current'",
    "{current}\n{records}\n{ticket}": "{{ticket}} stands for the braces",
}


@pytest.mark.parametrize(("template", "reason"), WRONG.items())
def test_a_template_that_would_lose_something_is_refused(template: str, reason: str) -> None:
    with pytest.raises(ProposerError) as caught:
        check_template(template, BLOCKS, ["name"])
    assert reason in str(caught.value)


def test_proposers_check_their_templates_when_they_are_made() -> None:
    with pytest.raises(ProposerError, match="answer"):
        Reflection("m", template="{current}\n{records}")
    with pytest.raises(ProposerError, match="no placeholder"):
        PromptLearning("m", template=f"{wording.LEARN}\n{{ticket}}")
    with pytest.raises(ProposerError, match="is a text"):
        Reflection("m", template=None)  # type: ignore[arg-type]
    template = f'{wording.REFLECT} As in {{"a": 1}} and {{{{ticket}}}}.'
    assert Reflection("m", template=template).template == template
