"""``python -m course_lib.evaluation``: the same as ``face-course evaluate``.

The metrics in this folder know no networks and no files; what puts them together stands above them.
"""

from __future__ import annotations

import sys

from course_lib.commands.evaluate import evaluate
from course_lib.commands.style import run

if __name__ == "__main__":
    sys.exit(run(evaluate, name="python -m course_lib.evaluation"))
