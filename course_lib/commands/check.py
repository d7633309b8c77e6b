"""``face-course check``: is this machine ready for the course?"""

from __future__ import annotations

import click

from course_lib.commands import options
from course_lib.commands.style import Command


@click.command(cls=Command, example="check", uses_weights=False)
@options.as_json
@click.pass_context
def check(ctx: click.Context, as_json: bool) -> None:
    """Say what is missing here, and how to mend it.

    Every package that the course needs, this machine, and optional data. Where even this command's own packages are
    missing, python -m course_lib.check says the same.
    """
    from course_lib import check as checking

    ctx.exit(checking.main(["--json"] if as_json else []))
