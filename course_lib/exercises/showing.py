"""Values of any kind on one short line: small ones in full, large ones by type, shape and a few of their values."""

from __future__ import annotations

from typing import Any

import numpy as np

WIDTH = 100  # characters of one value


def show(value: Any) -> str:
    """The value on one line of at most 100 characters."""
    text = _text(value)
    return text if len(text) <= WIDTH else text[: WIDTH - 2] + " …"


def named(value: Any) -> str:
    """What a value is, in words: "the number 3", "a list of 4 values", "a float64 array of shape (3, 2)"."""
    if value is None or value is ... or isinstance(value, (bool, np.bool_)):
        return str(value)
    if isinstance(value, str):
        return f"the text {show(value)}"
    if hasattr(value, "shape") and hasattr(value, "dtype") and not isinstance(value, np.generic):
        return f"{_a(_dtype(value))} {_array_word(value)} of shape {tuple(value.shape)}" if value.shape else show(value)
    if isinstance(value, (int, float, np.number)):
        return f"the number {show(value)}"
    if callable(value) and hasattr(value, "__name__"):
        return f"the function {value.__name__} itself"
    kind = _a(type(value).__name__)
    if hasattr(value, "shape"):  # a DataFrame
        return f"{kind} of shape {value.shape}"
    return f"{kind} of {len(value)} values" if isinstance(value, (list, tuple, set, frozenset, dict)) else kind


def number(value: float, digits: int = 10) -> str:
    """A number with at most so many digits, and a whole one with all of them up to twenty."""
    if isinstance(value, (int, np.integer)):
        length = int(value).bit_length() * 30103 // 100000 + 1  # Python refuses to print more than 4300 digits
        return str(value) if length <= 20 else f"a whole number of about {length} digits"
    return f"{value:.{digits}g}"


def _text(value: Any) -> str:
    if isinstance(value, (np.ndarray, np.generic)) or (hasattr(value, "detach") and hasattr(value, "shape")):
        return _array(value)
    if isinstance(value, (int, float, complex)) and not isinstance(value, bool):
        return number(value)
    if isinstance(value, (list, tuple)):
        return _items(value, *("[]" if isinstance(value, list) else "()"))
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key!r}: {_text(item)}" for key, item in list(value.items())[:6]) + "}"
    if isinstance(value, (str, bool, type(None), type(...))):
        return repr(value)
    first = repr(value).splitlines()[0]
    return named(value) if hasattr(value, "shape") or " at 0x" in first or callable(value) else first


def _items(values: list[Any] | tuple[Any, ...], left: str, right: str) -> str:
    shown = [_text(item) for item in values[:6]]
    more = [f"… {len(values)} in all"] if len(values) > 6 else []
    comma = "," if left == "(" and len(values) == 1 else ""
    return left + ", ".join(shown + more) + comma + right


def _array(value: Any) -> str:
    array = as_numpy(value)
    if array.size == 0:
        return f"an empty {_array_word(value)} of shape {array.shape}"
    if array.ndim == 0:
        return _nested(array.item(), digits=10)
    if array.size <= 12 and array.ndim <= 2:
        return _nested(array.tolist())
    few = ", ".join(_nested(item) for item in array.ravel()[:4].tolist())
    return f"{named(value)}: {few}, …"


def _nested(value: Any, digits: int = 6) -> str:
    if isinstance(value, list):
        return "[" + ", ".join(map(_nested, value)) + "]"
    return number(value, digits) if isinstance(value, (int, float)) and not isinstance(value, bool) else repr(value)


def as_numpy(value: Any) -> np.ndarray:
    """An array or tensor as NumPy array; bfloat16, which NumPy lacks, as float32."""
    if hasattr(value, "detach"):
        value = value.detach().cpu()
        value = (value.to_dense() if value.is_sparse else value).resolve_conj().resolve_neg()
        value = (value.float() if _dtype(value) == "bfloat16" else value).numpy()
    return np.asarray(value)


def _dtype(value: Any) -> str:
    return str(value.dtype).removeprefix("torch.")


def _array_word(value: Any) -> str:
    return "tensor" if hasattr(value, "detach") else type(value).__name__ if hasattr(value, "to_numpy") else "array"


def _a(word: str) -> str:
    return f"an {word}" if word[0] in "aeioAEIO" else f"a {word}"
