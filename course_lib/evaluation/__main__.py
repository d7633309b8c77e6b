"""``python -m course_lib.evaluation --model MODEL --pairs PAIRS``: see ``course_lib.verify``, which does it.

The metrics in this folder know no networks and no files; what puts them together stands above them.
"""

from __future__ import annotations

import sys

from course_lib.verify.command import main

if __name__ == "__main__":
    sys.exit(main())
