"""The exercises of the notebooks: a learner's function checked in words, hints one at a time, and predictions."""

from __future__ import annotations

from .checking import NotDoneYet, NotRightYet, check
from .hints import hint
from .prediction import Prediction, predict

__all__ = ["NotDoneYet", "NotRightYet", "Prediction", "check", "hint", "predict"]
