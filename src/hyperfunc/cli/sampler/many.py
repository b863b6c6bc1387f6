"""Options that take several words: ``--samplers min_p top_p``."""

from __future__ import annotations

from collections.abc import Sequence

import click

__all__ = ["ManyWords"]


class ManyWords(click.Command):
    """A command whose options with ``multiple=True`` take all words up to the next option."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Write ``--samplers a b`` as ``--samplers a --samplers b``, and let click do the rest."""
        many = {
            name: parameter.opts[0]
            for parameter in self.params
            if isinstance(parameter, click.Option) and parameter.multiple
            for name in parameter.opts
        }
        return super().parse_args(ctx, _spread(args, many))


def _spread(args: Sequence[str], many: dict[str, str]) -> list[str]:
    found: list[str] = []
    option = ""
    taken = False
    for word in args:
        if word.startswith("-") and len(word) > 1:
            option, taken = (word, False) if word in many else ("", False)
            found.append(word)
        elif option and taken:
            found += [option, word]
        else:
            found.append(word)
            taken = bool(option)
    return found
