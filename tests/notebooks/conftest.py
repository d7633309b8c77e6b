"""A small notebook that keeps every rule, written as a twin, built by the tool, and spoilt by the tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools import notebooks
from tools.notebook_guards import Committed

OPENING = """
# %% [markdown]
# # Angles between vectors
#
# **What you will learn:** what a cosine says. **What you need before:** nothing. **Time:** 1 minute, 200 MB of memory.

# %% tags=["imports"]
import sys
import numpy as np
from course_lib import exercises, guard

# %% [markdown]
# ## 1. A figure
#
# The cosine of two vectors at right angles is 0; $\\\\cos 45 = 0.7071$.

# %%
from course_lib import viz

angles = np.linspace(0, np.pi, 50)

def drawn(last):
    shown = np.linspace(0, last, 9)
    heights = {"cosine": np.cos(np.radians(shown)).tolist()}
    labels = {"title": "The cosine falls all the way", "xlabel": "degrees"}
    return viz.lines(heights, shown.tolist(), ylabel="cosine", **labels)

viz.show(drawn(180.0), alt="The cosine falls from one to minus one.")

# %% tolerance="2 points"
print(f"half way: {np.cos(np.pi / 4):.1%}", file=sys.stdout)
print("a warning that nobody compares", file=sys.stderr)

# %% tags=["guard"]
guard("the cosine falls", np.all(np.diff(np.cos(angles)) < 0), angles=angles)

# %% [markdown]
# Half way it is still 70.7 %.
"""

WIDGET = """
# %% tags=["nbval-skip"] skip_reason="needs a browser to move the slider"
viz.slider(drawn, [30.0, 60.0, 90.0], label="degrees", start=60.0)
"""

EXERCISE = """
# %% [markdown]
# ## Exercise 1
#
# Complete the function. [Solutions](solutions/sample.py)

# %% tags=["exercise"]
def cosine(a, b):
    ...

# %% tags=["check"]
def reference(a, b):
    return a @ b / np.linalg.norm(a) / np.linalg.norm(b)

def draw(rng):
    return rng.normal(size=3), rng.normal(size=3)

cases = [(np.array([1.0, 0.0]), np.array([3.0, 4.0]))]
hints = ("Which lengths?", "Divide by both.", "a @ b / (norm of a * norm of b)")
exercises.check(cosine, reference, cases, draw=draw, hints=hints)
"""

CLOSING = """
# %% [markdown]
# ## Summary
#
# A cosine measures an angle.

# %% [markdown]
# ## What the papers report
#
# ArcFace reaches 99.83 % on LFW (Deng et al., 2019).
#
# **Next**: faces.
"""

FILLER = '\n# %% [markdown]\n# Another step.\n\n# %%\nprint("step {number}")\n'

SOLUTIONS = '''"""Solutions of the sample."""
import numpy as np

def cosine(a, b):
    return np.dot(a, b) / np.sqrt(np.dot(a, a) * np.dot(b, b))
'''


def sample_text() -> str:
    fillers = "".join(FILLER.format(number=number) for number in range(1, 8))
    return (OPENING + fillers + WIDGET + EXERCISE + CLOSING).replace("\\\\", "\\").lstrip()


@pytest.fixture(scope="session")
def sample_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the built sample.ipynb, its twin and its solutions. Do not change it: copy it."""
    folder = tmp_path_factory.mktemp("course") / "notebooks"
    for name, content in (("text", sample_text()), ("solutions", SOLUTIONS)):
        (folder / name).mkdir(parents=True)
        (folder / name / "sample.py").write_text(content, encoding="utf-8")
    assert notebooks.main(["--folder", str(folder), "--timeout", "60"]) == 0
    return folder


@pytest.fixture
def sample(sample_folder: Path) -> Committed:
    """The built sample, read afresh: a test may change the notebook in memory."""
    return Committed.load(sample_folder / "sample.ipynb")
