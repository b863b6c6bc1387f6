"""The table every benchmark prints: figures beside goals, and an exit status that says whether all were met.

A benchmark is a module with a function that fills a table::

    def measure(table: Table) -> None:
        table.add("parked call", seconds * 1e6, "µs", at_most=40)
        table.add("against one by one", ratio, "x", at_least=10)

    if __name__ == "__main__":
        sys.exit(run("engine", measure))
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

__all__ = ["Row", "Table", "run"]

_SPEEDS = frozenset({"x", "s", "ms", "µs", "tok/s", "calls/s"})
"""Units of times, speeds, and ratios of them."""


@dataclass(frozen=True)
class Row:
    """One figure.

    Args:
        name: what was measured.
        value: the figure, or ``None`` when it was not measured.
        unit: of the value and its goal.
        at_least: goal from below.
        at_most: goal from above.
        note: what a reader has to know; why there is no value.
    """

    name: str
    value: float | None
    unit: str = ""
    at_least: float | None = None
    at_most: float | None = None
    note: str = ""

    @property
    def of_speed(self) -> bool:
        """Whether it depends on the machine and on who else uses it."""
        return self.unit in _SPEEDS

    @property
    def missed(self) -> bool:
        """Whether a goal was measured and not met; NaN meets none."""
        if self.value is None:
            return False
        low = self.at_least is not None and not self.value >= self.at_least
        return low or (self.at_most is not None and not self.value <= self.at_most)

    def cells(self) -> tuple[str, ...]:
        """Name, figure, goal, verdict, note."""
        figure = "not measured" if self.value is None else _number(self.value, self.unit)
        goals = [("≥", self.at_least), ("≤", self.at_most)]
        goal = ", ".join(f"{sign} {_number(limit, self.unit)}" for sign, limit in goals if limit is not None)
        verdict = "" if not goal or self.value is None else "MISS" if self.missed else "ok"
        return self.name, figure, goal, verdict, self.note


@dataclass
class Table:
    """The figures of one benchmark.

    Args:
        quick: fewer repetitions and smaller sizes are wanted; goals stay the same.
        any_speed: times and speeds are shown beside their goals and not judged.
    """

    quick: bool = False
    any_speed: bool = False
    rows: list[Row] = field(default_factory=list)

    def add(
        self,
        name: str,
        value: float,
        unit: str = "",
        *,
        at_least: float | None = None,
        at_most: float | None = None,
        note: str = "",
    ) -> None:
        """Enter a figure with its goal, if it has one."""
        self.rows.append(Row(name, float(value), unit, at_least, at_most, note))

    def not_measured(self, name: str, why: str) -> None:
        """Enter a figure that cannot be had here, visibly."""
        self.rows.append(Row(name, None, note=why))

    @property
    def missed(self) -> bool:
        """Whether any goal was not met that is judged."""
        return any(row.missed for row in self.rows if not (self.any_speed and row.of_speed))

    def __str__(self) -> str:
        lines = [("figure", "measured", "goal", "", ""), *(row.cells() for row in self.rows)]
        widths = [max(len(line[column]) for line in lines) for column in range(5)]
        right = (False, True, True, False, False)
        return "\n".join(
            "  ".join(
                cell.rjust(width) if number else cell.ljust(width)
                for cell, width, number in zip(line, widths, right, strict=True)
            ).rstrip()
            for line in lines
        )


def _number(value: float, unit: str) -> str:
    digits = f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
    return f"{digits} {unit}".rstrip()


def run(title: str, measure: Callable[[Table], None], argv: Sequence[str] | None = None) -> int:
    """Measures, prints the table, and returns the exit status: 1 when a goal was missed.

    Args:
        title: of the table.
        measure: fills the table.
        argv: words of the command line; ``--quick`` asks for a short measurement, ``--any-speed`` judges
            no times and speeds.
    """
    parser = argparse.ArgumentParser(description=f"measures: {title}")
    parser.add_argument("--quick", action="store_true", help="fewer repetitions, smaller sizes")
    parser.add_argument("--any-speed", action="store_true", help="show times and speeds, do not judge them")
    options = parser.parse_args(argv)
    table = Table(options.quick, options.any_speed)
    began = time.perf_counter()
    measure(table)
    print(
        f"\n{title} ({time.perf_counter() - began:.0f} s{', quick' if table.quick else ''})\n{table}",
        flush=True,
    )
    return int(table.missed)
