"""One run of a learner's function, whatever it does: an unwritten body, a lost `return`, an error, prints."""

from __future__ import annotations

import contextlib
import dis
import inspect
import io
import linecache
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

# What the body of a function compiles to when nothing is in it but `...`, `pass`, a docstring or `return None`.
EMPTY_BODY = {"RESUME", "NOP", "LOAD_CONST", "RETURN_VALUE", "RETURN_CONST"}


@dataclass(frozen=True)
class Stopped:
    """A run that ended in an error, told in a sentence."""

    sentence: str


def name_of(attempt: Callable[..., Any]) -> str:
    """The function's name; TypeError if what was given is none."""
    if not callable(attempt):
        raise TypeError(f"check takes the function itself, not a value of it: got {type(attempt).__name__}.")
    return getattr(attempt, "__name__", type(attempt).__name__)


def answer(attempt: Callable[..., Any], arguments: tuple[Any, ...]) -> tuple[Any, str]:
    """What the function returns and what it prints: `...` while it is unwritten, Stopped where it raises an error."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        try:
            got = attempt(*arguments)
        except NotImplementedError:
            got = ...
        except (Exception, SystemExit) as error:
            got = Stopped(_sentence(attempt, error))
    return ... if got is None and is_unwritten(attempt) else got, printed.getvalue()


def is_unwritten(attempt: Callable[..., Any]) -> bool:
    """Whether the function's body holds nothing but `...`, `pass`, a docstring or a bare return."""
    code = getattr(inspect.unwrap(attempt), "__code__", None)
    return code is not None and {step.opname for step in dis.get_instructions(code)} <= EMPTY_BODY


def returned_nothing(name: str, printed: str) -> str:
    """What to say when a written function returned None."""
    if printed.strip():
        first = printed.strip().splitlines()[0][:60]
        return f"{name} is not right yet: it printed {first!r}, but returned nothing. End with `return` and the value."
    return f"{name} is not right yet: it returned nothing. Is `return` missing?"


def _sentence(attempt: Callable[..., Any], error: BaseException) -> str:
    """Error and message on one line, with the line of the learner's code where it happened."""
    text = f"stopped with {type(error).__name__}: {' '.join(str(error).split())[:160]}"
    file = getattr(getattr(attempt, "__code__", None), "co_filename", None)
    own = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == file]
    line = linecache.getline(own[-1].filename, own[-1].lineno).strip() if own else ""
    return f"{text} (at `{line}`)" if line else text
