"""The page as ``make web`` builds it, its server, and a browser to look at it with."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import pytest

from course_lib import page
from tools import web
from tools.installer import SetupError


def missing(what: str) -> NoReturn:
    """Skip; in continuous integration, whose script installs what is needed, fail."""
    (pytest.fail if os.environ.get("CI") else pytest.skip)(what)


@pytest.fixture(scope="session")
def address() -> Iterator[str]:
    """Of the page, built anew and served; npm's packages are fetched if they were not yet."""
    try:
        folder = web.build()
    except SetupError as error:
        missing(f"the page cannot be built: {error}")
    with page.server(0, folder) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield f"http://{page.HOST}:{running.server_address[1]}/"
        running.shutdown()


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator:
    """Chromium, or a skip that says why not."""
    chromium = pytest.importorskip("chromium", reason="drives the browser over pipes, which Windows has not")
    if chromium.program() is None:
        missing(f"there is no {', '.join(chromium.PROGRAMS)} to look at the page with")
    profile: Path = tmp_path_factory.mktemp("profile")
    with chromium.Chromium(profile) as running:
        yield running
