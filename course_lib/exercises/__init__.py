"""The exercises of the notebooks: a learner's function checked in words, hints one at a time, and predictions."""

from __future__ import annotations

from .checking import check
from .hints import hint
from .prediction import Prediction, predict
from .strictness import NotDoneYet, NotRightYet

__all__ = ["NotDoneYet", "NotRightYet", "Prediction", "check", "hint", "predict"]
