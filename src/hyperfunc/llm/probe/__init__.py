"""The probe: which sampler parameters a model server really honors, found out by asking it."""

from .probing import probe
from .report import Finding, ProbeReport, Status

__all__ = ["Finding", "ProbeReport", "Status", "probe"]
