"""Verification as the papers report it: a model and a list of pairs in, a table, a JSON file and figures out."""

from __future__ import annotations

from course_lib.verify.network import load_module, load_network
from course_lib.verify.report import FARS, Report, verify

__all__ = ["FARS", "Report", "load_module", "load_network", "verify"]
