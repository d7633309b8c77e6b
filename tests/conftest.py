"""What the tests of several folders share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest


@pytest.fixture
def shallow() -> Iterator[None]:
    """MobileFaceNets of two bottlenecks."""
    from shallow import rows_are  # here, as PyTorch takes seconds to import, and most tests do without this

    with rows_are():
        yield


@pytest.fixture(autouse=True, scope="session")
def _terms_are_known() -> Iterator[None]:
    """No command shows the terms, and none notes in the user's own folder that it has."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COURSE_TERMS", "seen")
        yield
