"""Verification as the papers report it: a model and a list of pairs in, a table, a JSON file and figures out."""

from __future__ import annotations

from course_lib.verify.network import Network, embed_faces, load_network
from course_lib.verify.report import FARS, Report, verify

__all__ = ["FARS", "Network", "Report", "embed_faces", "load_network", "verify"]
