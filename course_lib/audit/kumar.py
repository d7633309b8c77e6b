"""Kumar et al.: MobileNetV2 with center loss, "less than 1 MB"; neither width nor number type is stated."""

from __future__ import annotations

from course_lib.audit.claim import Claim, number, statement
from course_lib.audit.differences import interval_ends
from course_lib.audit.expected import above, below, printed
from course_lib.audit.networks import counted

PAPER, TABLE = "Kumar et al.", "Table 1"
WIDTHS = (1.0, 0.5, 0.35, 0.25)  # those that MobileNetV2 is commonly built with
TESTS = {"LFW's 6,000 pairs": 6000, "11,500 pairs": 11_500}  # what "LFW-11500" may mean
SOFTMAX, CENTER, CENTER_IN_TEXT = "86.32", "88.10", "88.11"


def file_sizes() -> dict[str, float]:
    """Bytes of the weights at each width, as 4-byte floats with buffers and as one byte each."""
    sizes = {}
    for width in WIDTHS:
        total = counted("mobilenet_v2", width=width)
        sizes |= {f"width {width:g}, fp32": total.fp32_bytes, f"width {width:g}, int8": total.int8_bytes}
    return sizes


def memory() -> dict[str, float]:
    """Bytes that must be there at once at 224x224: weights and the largest activations."""
    needed = {}
    for width in WIDTHS:
        total = counted("mobilenet_v2", width=width)
        needed |= {
            f"width {width:g}, fp32": total.fp32_bytes + total.peak_fp32_bytes,
            f"width {width:g}, int8": total.int8_bytes + total.peak_int8_bytes,
        }
    return needed


def gain() -> dict[str, float]:
    """Ends of the interval of center loss minus softmax, in points, on tests of either size."""
    return {
        reading: end
        for test, pairs in TESTS.items()
        for reading, end in interval_ends(CENTER, SOFTMAX, pairs, test).items()
    }


def speed_of_larger_alpha() -> dict[str, float]:
    """How much further a center moves at alpha 0.9 than at 0.1, of a distance of 1, by the paper's update."""
    moved = {alpha: (1 - alpha) * 1.0 for alpha in (0.1, 0.9)}
    return {"d = (1 - alpha)(c - x)": moved[0.9] - moved[0.1]}


TIMES_MS = {"softmax": (400, 350, 38, 100), "center loss": (400, 350, 38, 100)}  # on M1, M2, M3, M4


def largest_difference_in_time() -> dict[str, float]:
    """Between the two columns of Table 1, in milliseconds."""
    columns = zip(*TIMES_MS.values(), strict=True)
    return {"over M1 to M4": max(abs(a - b) for a, b in columns)}


def above_chance() -> dict[str, float]:
    """Softmax's accuracy over that of guessing, in points, whether the test has pairs or classes."""
    return {"pairs": float(SOFTMAX) - 50, "5,749 classes": float(SOFTMAX) - 100 / 5749}


CLAIMS: tuple[Claim, ...] = (
    statement(PAPER, "Abstract", "the model is smaller than 1 MB", below("1 MB"), file_sizes),
    statement(PAPER, TABLE, "the model has 1 MB", printed("1 MB"), file_sizes),
    statement(PAPER, "Abstract", "it runs in 2 MB of memory", below("2 MB"), memory),
    number(
        PAPER,
        "Section 4.2",
        "accuracy with center loss, given in Table 1 too",
        f"{CENTER_IN_TEXT} %",
        lambda: {"Table 1": float(CENTER)},
    ),
    statement(PAPER, TABLE, "center loss is more accurate than softmax alone", above("0 points"), gain),
    statement(PAPER, TABLE, "center loss takes no time at inference", printed("0 ms"), largest_difference_in_time),
    statement(PAPER, TABLE, "400, 350, 38 and 100 ms on M1 to M4, which are not described", above("0 ms"), dict),
    statement(
        PAPER, "Section 5", "softmax alone does not converge (points above guessing)", below("1 points"), above_chance
    ),
    statement(PAPER, "Section 5", "better than center loss alone, which is not reported", above("0 points"), dict),
    statement(
        PAPER,
        "Section 5",
        "state of the art (if the test is LFW's: against MobileFaceNet of 2018)",
        above("0 points"),
        lambda: {"against 99.28 %, Chen et al. 2018": float(CENTER) - 99.28},
    ),
    statement(
        PAPER,
        "Section 3.2",
        "alpha is the rate of the centers: a larger one moves them further",
        above("0"),
        speed_of_larger_alpha,
    ),
)
