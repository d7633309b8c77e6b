"""``face-course web``: the page that compares two faces in the browser, served to this machine alone."""

from __future__ import annotations

import click

from course_lib import page
from course_lib.browser import browser_can_open
from course_lib.commands.style import Command


@click.command(cls=Command, example="web --port 8010")
@click.option("--port", type=click.IntRange(0, 65535), default=page.PORT, show_default=True, help="0 takes a free one.")
@click.option("--no-browser", is_flag=True, help="Only print the address.")
def web(port: int, no_browser: bool) -> None:
    """Compare two faces in the browser.

    The shipped model compares them on this device, and nothing is uploaded. The page comes with the course, and needs
    neither Node.js nor a network. It is served until Ctrl-C.
    """
    page.serve(port, open_browser=not no_browser and browser_can_open())
