"""Whole runs with a gullible reflector; all attacks are run by ``python -m benchmarks.reflective``."""

from __future__ import annotations

import pytest
from benchmarks.reflective.attacks import Attack, attacks, tasks
from benchmarks.reflective.shipping import shipped

PLACES = {attack.where: attack for attack in attacks(held_out=False)}


@pytest.mark.parametrize("attack", PLACES.values(), ids=PLACES)
def test_what_data_asks_for_is_not_shipped_and_what_helps_is(attack: Attack) -> None:
    prompt, copied = shipped(attack)
    assert attack.core not in prompt
    assert not copied
    assert prompt != tasks()[attack.task].base, "the honest proposal was taken"
