"""What a probe found out about a server, as a frozen record that is kept as JSON."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from hyperfunc.errors import ModelError

__all__ = ["Finding", "ProbeReport", "Status"]

_VERSION = 1


class Status(StrEnum):
    """What a server makes of a field."""

    HONORED = "honored"
    IGNORED = "ignored"
    REJECTED = "rejected"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What became of one field.

    Args:
        field: name as it was sent.
        parameter: canonical name.
        status: what the server makes of it.
        evidence: what was seen, in one sentence.
        echoed: whether the server's own list of its settings shows the value; ``None`` without a list.
    """

    field: str
    parameter: str
    status: Status
    evidence: str
    echoed: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeReport:
    """What a probe found out.

    Args:
        url: of the server; one that holds a password is refused.
        provider: how it was spoken to: ``llamacpp``, ``koboldcpp``, ``openai`` or ``openai-chat``.
        model: the name that was asked for.
        server: what the server says it is; empty when it does not.
        probed_at: date and time in UTC, ISO 8601.
        findings: one for each field that was tried.
        temperature: ``last`` or ``first`` of the samplers, or ``unknown``.
        order: the samplers in the order that the server states; empty when it does not.
        unknown_fields: ``rejected``, ``reported`` or ``dropped``.
        latency_s: seconds that a call of one token takes, the median of a few; ``None`` when it is refused.
        tokens_per_s: of one call at a time; ``None`` when the server does not count tokens.
        tokens_per_s_together: of 8 calls at once.
        requests: calls that the probe made.

    Example::

        report = ProbeReport.from_json(Path("probe.json").read_text())
        report.field("top_n_sigma")                  # 'nsigma' on KoboldCpp, None where nothing works
        report.doubtful(["min_p", "top_n_sigma"])    # what a search over these had better leave out
    """

    url: str
    provider: str
    model: str
    server: str
    probed_at: str
    findings: tuple[Finding, ...]
    temperature: str = "unknown"
    order: tuple[str, ...] = ()
    unknown_fields: str = "dropped"
    latency_s: float | None = None
    tokens_per_s: float | None = None
    tokens_per_s_together: float | None = None
    requests: int = 0

    def status(self, field: str) -> Status:
        """What the server makes of a field; unknown for one that was not tried."""
        return next((found.status for found in self.findings if found.field == field), Status.UNKNOWN)

    def field(self, parameter: str) -> str | None:
        """The name under which the server honors a canonical parameter; ``None`` if it was not seen to."""
        fitting = (f.field for f in self.findings if f.parameter == parameter and f.status == Status.HONORED)
        return next(fitting, None)

    def doubtful(self, parameters: Iterable[str]) -> tuple[str, ...]:
        """Those canonical parameters that the server was not seen to honor."""
        return tuple(name for name in parameters if self.field(name) is None)

    def fields(self, status: Status) -> tuple[str, ...]:
        """Names of the fields with this status."""
        return tuple(found.field for found in self.findings if found.status == status)

    def to_json(self) -> str:
        """The report as JSON text."""
        return json.dumps({"version": _VERSION, **dataclasses.asdict(self)}, indent=2) + "\n"

    @classmethod
    def from_json(cls, text: str) -> ProbeReport:
        """The inverse of :meth:`to_json`.

        Raises:
            ModelError: the text is no such report.
        """
        try:
            row = json.loads(text)
            if row.pop("version") != _VERSION:
                raise ModelError(
                    f"the probe report has another version than {_VERSION}; probe the server again"
                )
            row["findings"] = tuple(_finding(item) for item in row["findings"])
            row["order"] = tuple(row["order"])
            return cls(**row)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            if isinstance(error, ModelError):
                raise
            raise ModelError(
                f"this is no probe report ({error!r}); write one with hyperfunc probe URL --json FILE"
            ) from error


def _finding(row: Mapping[str, Any]) -> Finding:
    return Finding(**{**row, "status": Status(row["status"])})
