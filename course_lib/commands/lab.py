"""``face-course lab``: the notebooks in a folder of the learner's, and JupyterLab on them."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import click
from click.shell_completion import CompletionItem

from course_lib import __version__
from course_lib.browser import browser_can_open
from course_lib.commands import options
from course_lib.commands.style import Command
from course_lib.console import shown
from course_lib.learner_folder import FIRST, RECORD, lay, lay_fresh, sources
from course_lib.shipped import shipped


def notebooks(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """What completes --fresh."""
    names = [Path(name).stem for name in sources() if name.endswith(".ipynb")]
    return [CompletionItem(name) for name in names if name.startswith(incomplete)]


@click.command(cls=Command, example="lab my-course")
@click.argument("folder", type=options.Place(file_okay=False), required=False)
@click.option(
    "--fresh",
    metavar="NAME",
    shell_complete=notebooks,
    help="Lay an untouched copy of one notebook beside yours, such as 05, say where, and open nothing.",
)
@click.option("--port", type=click.IntRange(0, 65535), help="Of JupyterLab; 8888 or the next free one by default.")
@click.option("--no-browser", is_flag=True, help="Only print the address.")
@click.pass_context
def lab(ctx: click.Context, folder: Path | None, fresh: str | None, port: int | None, no_browser: bool) -> None:
    """Open the notebooks, in a folder of your own.

    They are copied to FOLDER and opened in JupyterLab. FOLDER is this folder where it holds the course already, else
    face-course in it. What you changed is never written over: where this version of the course has another, that is
    laid beside yours. Files that you did not change are brought up to date, and what you deleted comes again.
    """
    folder = folder or (Path() if (Path() / RECORD).exists() else Path("face-course"))
    if fresh is not None:
        try:
            copy = lay_fresh(folder, fresh, __version__)
        except ValueError as error:
            raise click.BadParameter(str(error), param_hint="--fresh") from error
        print(f"An untouched copy: {shown(str(copy))}")
        return
    if find_spec("jupyterlab") is None:
        raise ModuleNotFoundError("JupyterLab is not installed, and it shows the notebooks; pip install jupyterlab")
    print(f"The course is in {shown(str(folder.resolve()))}")
    said = str(lay(folder, __version__))
    if said:
        print(shown_lines(said))
    ctx.exit(start(folder.resolve(), port, no_browser))


def shown_lines(text: str) -> str:
    """Lines as ``shown``."""
    return "\n".join(map(shown, text.splitlines()))


def start(folder: Path, port: int | None, no_browser: bool) -> int:
    """JupyterLab in place of this process, on Windows beside it; its exit code."""
    command = [sys.executable, "-m", "jupyterlab", f"--ServerApp.root_dir={folder}"]
    command += [f"--LabApp.default_url=/lab/tree/{FIRST}"]
    command += [f"--ServerApp.port={port}", "--ServerApp.port_retries=0"] if port is not None else []
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        command.append("--allow-root")  # in a container; JupyterLab refuses root otherwise
    if no_browser or not browser_can_open():
        command.append("--no-browser")
        print("Open the address that JupyterLab prints below, with its token.")
    # This environment's kernel, not another; and no question about news, nor the network asked for updates.
    configured = [str(shipped("jupyter")), *filter(None, [os.environ.get("JUPYTER_CONFIG_PATH")])]
    settings = {**os.environ, "JUPYTER_PREFER_ENV_PATH": "1", "JUPYTER_CONFIG_PATH": os.pathsep.join(configured)}
    sys.stdout.flush()
    if os.name == "nt":
        return subprocess.call(command, env=settings)
    os.execve(command[0], command, settings)
