"""The AIM article on MobileFaceNets (Analytics India Magazine), and the paper it reports (Chen et al. 2018)."""

from __future__ import annotations

from course_lib.audit.claim import Claim, number, statement
from course_lib.audit.differences import PAIRS, interval_ends
from course_lib.audit.expected import above, printed
from course_lib.audit.networks import by_file, counted, parameters
from course_lib.audit.printed_rates import possible_counts

PAPER = "AIM article"
PERFORMANCE, ARCHITECTURES, CONCLUSION = "Performance And Size", "MobileFaceNet Architectures", "Conclusion"
# LFW and AgeDB-30, per cent. All but the last trained on CASIA-WebFace.
ACCURACY = {
    "MobileFaceNet": ("99.28", "93.05"),
    "ShuffleNet": ("98.70", "89.27"),
    "MobileFaceNet, MS-Celeb-1M": ("99.55", "96.07"),
}
DISTILLED_LFW = "97.32"
# Not in the article: Chen et al. 2018, Table 2.
WITH_RELU, MOBILENET_V2, MOBILENET_V2_GDCONV = ("99.15", "92.83"), ("98.58", "88.81"), ("98.88", "90.67")
SNAPDRAGON_MS = {"MobileFaceNet": 24, "ShuffleNet": 27}


def _gain(better: tuple[str, str], worse: tuple[str, str]) -> dict[str, float]:
    """Ends of the intervals of a gain on LFW and on AgeDB-30, in points."""
    return {
        **interval_ends(better[0], worse[0], PAIRS["LFW"], "LFW"),
        **interval_ends(better[1], worse[1], PAIRS["AgeDB30"], "AgeDB-30"),
    }


def impossible() -> dict[str, float]:
    """How many of the printed accuracies are no share of 6,000 pairs."""
    digits = [*(value for row in ACCURACY.values() for value in row), DISTILLED_LFW]
    return {"6,000 pairs": sum(not possible_counts(value, PAIRS["LFW"]) for value in digits)}


def million_parameters() -> dict[str, float]:
    """MobileFaceNet as trained, and as deployed, with batch norm folded."""
    total = counted("mobilefacenet")
    return {"trained": total.parameters, "folded": total.folded_parameters}


def shufflenet_over_mobilefacenet() -> dict[str, float]:
    """Ratio of parameters."""
    ours, theirs = counted("mobilefacenet"), counted("shufflenet")
    return {
        "trained": theirs.parameters / ours.parameters,
        "folded": theirs.folded_parameters / ours.folded_parameters,
    }


def shufflenet_time() -> dict[str, float]:
    """Ratio of time: as measured on one telephone, and as multiply-adds would have it."""
    macs = {name: counted(name.lower()).macs.conv_linear for name in SNAPDRAGON_MS}
    return {
        "Snapdragon 820, Chen et al. 2018": SNAPDRAGON_MS["ShuffleNet"] / SNAPDRAGON_MS["MobileFaceNet"],
        "multiply-adds": macs["ShuffleNet"] / macs["MobileFaceNet"],
    }


def saved(**options: object) -> float:
    """Share of MobileFaceNet's multiply-adds that a variant saves, in per cent."""
    variant, whole = (counted("mobilefacenet", **chosen).macs.conv_linear for chosen in (options, {}))
    return 100 * (1 - variant / whole)


def dense_over_network() -> dict[str, float]:
    """Parameters of a fully connected layer from the last map to the embedding, over all of MobileFaceNet's."""
    return {"7x7x512 to 128": 7 * 7 * 512 * 128 / parameters("mobilefacenet")}


CLAIMS: tuple[Claim, ...] = (
    number(PAPER, PERFORMANCE, "MobileFaceNet has around a million parameters", "1M", million_parameters),
    number(PAPER, ARCHITECTURES, "the primary MobileFaceNet has 0.99 million", "0.99 million", million_parameters),
    number(
        PAPER,
        PERFORMANCE,
        "MobileFaceNet fits the 4.0 MB of the distilled network",
        "4.0 MB",
        lambda: by_file("mobilefacenet"),
    ),
    statement(
        PAPER,
        PERFORMANCE,
        "its seven accuracies can be shares of 6,000 pairs (how many cannot)",
        printed("0"),
        impossible,
    ),
    statement(
        PAPER,
        PERFORMANCE,
        "MobileFaceNet is more accurate than ShuffleNet",
        above("0 points"),
        lambda: _gain(ACCURACY["MobileFaceNet"], ACCURACY["ShuffleNet"]),
    ),
    statement(
        PAPER, PERFORMANCE, "ShuffleNet has many more parameters (ratio)", above("1"), shufflenet_over_mobilefacenet
    ),
    statement(PAPER, PERFORMANCE, "ShuffleNet takes a little longer (ratio)", above("1"), shufflenet_time),
    statement(
        PAPER,
        PERFORMANCE,
        "at least as accurate on LFW as distilled networks of the same size",
        above("0 points"),
        lambda: interval_ends(ACCURACY["MobileFaceNet"][0], DISTILLED_LFW, PAIRS["LFW"], "LFW"),
    ),
    number(
        PAPER,
        PERFORMANCE,
        "up to 99.28 % on LFW",
        "99.28 %",
        lambda: {"best in the article": max(float(lfw) for lfw, _ in ACCURACY.values())},
        lambda: {"trained on CASIA-WebFace": float(ACCURACY["MobileFaceNet"][0])},
    ),
    statement(
        PAPER,
        PERFORMANCE,
        "a depthwise convolution in place of average pooling improves recognition (MobileNetV2)",
        above("0 points"),
        lambda: _gain(MOBILENET_V2_GDCONV, MOBILENET_V2),
    ),
    statement(
        PAPER,
        "Traditional Weaknesses",
        "a fully connected layer in its place adds many parameters (over the whole network)",
        above("1"),
        dense_over_network,
    ),
    statement(
        PAPER,
        ARCHITECTURES,
        "PReLU is better suited than ReLU",
        above("0 points"),
        lambda: _gain(ACCURACY["MobileFaceNet"], WITH_RELU),
    ),
    statement(
        PAPER,
        ARCHITECTURES,
        "smaller images save multiply-adds",
        above("0 %"),
        lambda: {"112x96": saved(input_size=(112, 96)), "96x96": saved(input_size=(96, 96))},
    ),
    statement(
        PAPER,
        ARCHITECTURES,
        "removing the last 1x1 saves multiply-adds",
        above("0.00 %"),
        lambda: {"M": saved(head="m")},
    ),
    statement(
        PAPER,
        CONCLUSION,
        "MS-Celeb-1M in place of CASIA-WebFace boosts accuracy",
        above("0 points"),
        lambda: _gain(ACCURACY["MobileFaceNet, MS-Celeb-1M"], ACCURACY["MobileFaceNet"]),
    ),
)
