"""Predict, then run: the learner commits to a number or a choice, and sees it later beside what was measured."""

from __future__ import annotations

import math
import numbers
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from .strictness import not_done


@dataclass(frozen=True)
class Prediction:
    """What a learner expects: a number of some unit, one of some choices, or `...` when nothing was said."""

    answer: float | str | Any
    unit: str = ""
    choices: tuple[str, ...] = ()

    def reveal(self, measured: float | str, spec: str = ".4g") -> None:
        """Print the prediction beside what was measured, a number written by the format `spec` or one of the choices.

        Raises ValueError for a measured choice that is not among them, and for a number that is none.
        """
        if self.choices:
            truth = shown = _choice(measured, self.choices)
            verdict = "as you said" if self.answer == truth else "not what you said"
        else:
            truth = _number(measured)
            shown = self._with_unit(format(truth, spec))
            off = 0.0 if self.answer is ... else abs(truth - self.answer)
            unit = "points" if self.unit in ("%", "points") else self.unit
            verdict = f"{format(off, spec)} {unit}".rstrip() + " off"
        if self.answer is ...:
            print(f"no prediction yet; measured {shown}")
        else:
            said = self.answer if self.choices else self._with_unit(f"{self.answer:.10g}")
            print(f"you said {said}, measured {shown}: {verdict}")

    def _with_unit(self, text: str) -> str:
        return f"{text} {self.unit}".rstrip()


def predict(
    answer: float | str | Any, *, question: str, unit: str = "", choices: Sequence[str] = (), strict: bool | None = None
) -> Prediction:
    """Take down the learner's answer to a question before the cell that measures it; `...` is the blank.

    Prints the question with the answer. Raises ValueError for an answer that is no finite number, or not one of the
    choices where there are some, and NotDoneYet for the blank in strict mode (see `check`).
    """
    if isinstance(choices, str):
        raise ValueError(f"choices is one text, {choices!r}; give a tuple of several.")
    choices = tuple(choices)
    if answer is ...:
        wanted = f"one of {_listed(choices)}" if choices else f"a number{f' in {unit}' if unit else ''}"
        print(question)
        not_done(f"put {wanted} in place of `...`, and run this cell again", strict)
        return Prediction(..., unit, choices)
    value = _choice(answer, choices) if choices else _number(answer)
    prediction = Prediction(value, unit, choices)
    print(f"{question}\nyou say: {value if choices else prediction._with_unit(f'{value:.10g}')}")
    return prediction


def _number(value: Any) -> float:
    """The value as a finite float, also from an array or tensor that holds a single one."""
    single = value.item() if hasattr(value, "item") and getattr(value, "shape", None) == () else value
    if isinstance(single, bool) or not isinstance(single, numbers.Real) or not math.isfinite(single):
        raise ValueError(f"A number is expected here, such as 12.5; got {value!r}.")
    return float(single)


def _choice(value: Any, choices: tuple[str, ...]) -> str:
    if not isinstance(value, str) or value not in choices:
        raise ValueError(f"Choose one of {_listed(choices)}; got {value!r}.")
    return value


def _listed(choices: tuple[str, ...]) -> str:
    return ", ".join(map(repr, choices))
