"""Help that teaches, and refusals that say what to do instead."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from hyperfunc import __version__
from hyperfunc.cli.main import COMMANDS, cli


def test_the_help_page_names_every_command_with_its_first_line() -> None:
    shown = CliRunner().invoke(cli, ["--help"]).output
    for name in COMMANDS:
        assert f"\n  {name} " in shown
    assert "hyperfunc demo" in shown


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_with_an_example(name: str) -> None:
    done = CliRunner().invoke(cli, [name, "--help"])
    assert done.exit_code == 0
    assert "Example:" in done.output
    assert f"hyperfunc {name}" in done.output


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_says_what_it_is_for(name: str) -> None:
    command = cli.get_command(click.Context(cli), name)
    assert command is not None
    assert all(option.help for option in command.params if isinstance(option, click.Option))


def test_a_mistyped_command_names_the_nearest() -> None:
    done = CliRunner().invoke(cli, ["reprot"])
    assert done.exit_code == 2
    assert "there is no command 'reprot'; did you mean 'report'?" in done.output


@pytest.mark.parametrize(
    "start", [[str(Path(sys.executable).with_name("hyperfunc"))], [sys.executable, "-m", "hyperfunc"]]
)
def test_both_ways_to_start_it(start: list[str]) -> None:
    done = subprocess.run([*start, "--version"], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == f"hyperfunc {__version__}\n"


def test_a_budget_that_does_not_say_of_what_is_a_usage_error() -> None:
    done = CliRunner().invoke(cli, ["demo", "--budget", "2000"])
    assert done.exit_code == 2
    assert "--budget" in done.output
    assert "Traceback" not in done.output
