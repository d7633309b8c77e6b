"""``python -m course_lib.alignment``: the same as ``face-course align``."""

from __future__ import annotations

import sys

from course_lib.commands.align import align
from course_lib.commands.style import run

if __name__ == "__main__":
    sys.exit(run(align, name="python -m course_lib.alignment"))
