"""Hassanpour and Kowsari (2023): MobileFaceNet and MMobileFaceNet, trained with SGD and with SAM."""

from __future__ import annotations

from functools import partial

from course_lib.audit.claim import Claim, number, statement
from course_lib.audit.differences import IJBC_IMPOSTORS
from course_lib.audit.expected import above, at_least, below, between, printed
from course_lib.audit.hassanpour_kowsari_tables import (
    BASELINE_PAIRS,
    FIGURE_3,
    FIGURE_4,
    GROUPS,
    LARGE_PAIRS,
    SAM,
    SGD,
    SMALL_PAIRS,
    TABLE_4,
    announced,
    average,
    best_columns,
    impossible,
    mean_gain,
    mean_low_resolution_gap,
    mean_relative_gain,
    rows,
    share_of_sam,
    spread_against_baseline,
    spread_of_low_resolution_gap,
    strongest_low_resolution_gap,
    worst_gain,
)
from course_lib.audit.networks import by_file, by_rule, counted, parameters

PAPER = "Hassanpour and Kowsari"
DESCRIBED = {"embedding_dim": 512, "input_size": (112, 112)}  # Figure 1
DRAWN = {"embedding_dim": 128, "input_size": (112, 96)}  # Figure 2
RULE_OF_THIRTY = "30"  # errors to know a rate to within 30 %, Doddington et al. 2000


def counted_parameters(name: str, **options: object) -> dict[str, float]:
    """As trained, and as deployed with batch norm folded."""
    total = counted(name, **options)
    return {"trained": total.parameters, "folded": total.folded_parameters}


def published(rates: dict[str, float]) -> dict[str, float]:
    """Readings of the network in which only the channels between the blocks are doubled."""
    return {f"doubled only between the blocks, {name}": value for name, value in rates.items()}


NETWORKS: tuple[Claim, ...] = (
    number(
        PAPER,
        "Figures 1 and 3",
        "MobileFaceNet, 112x112, 512 numbers: parameters",
        "1.1M",
        lambda: counted_parameters("mobilefacenet", **DESCRIBED),
        lambda: {f"{dim} numbers": parameters("mobilefacenet", embedding_dim=dim) for dim in (128, 256)},
    ),
    number(
        PAPER,
        "Figure 3",
        "MobileFaceNet: size",
        "4.4 MB",
        lambda: by_file("mobilefacenet", **DESCRIBED),
        lambda: {"4 bytes times the rounded 1.1M": 4 * 1.1e6},
    ),
    number(PAPER, "Figure 3", "MobileFaceNet: FLOPS", "236.75M", lambda: by_rule("mobilefacenet", **DESCRIBED)),
    number(
        PAPER,
        "Figure 2",
        "MobileFaceNet as drawn, 112x96, 128 numbers: FLOPS",
        "236.75M",
        lambda: by_rule("mobilefacenet", **DRAWN),
        lambda: {f"112x112, 512 numbers, {rule}": n for rule, n in by_rule("mobilefacenet", **DESCRIBED).items()},
    ),
    number(
        PAPER,
        "Section 3.2",
        "MMobileFaceNet, all layers doubled, 512 numbers: parameters",
        "2.1M",
        lambda: counted_parameters("mmobilefacenet_as_written"),
        lambda: published(counted_parameters("mmobilefacenet_published")),
    ),
    number(
        PAPER,
        "Figure 3",
        "MMobileFaceNet, all layers doubled: size",
        "8.4 MB",
        lambda: by_file("mmobilefacenet_as_written"),
        lambda: published(by_file("mmobilefacenet_published")) | {"4 bytes times the rounded 2.1M": 4 * 2.1e6},
    ),
    number(
        PAPER,
        "Figure 3",
        "MMobileFaceNet, all layers doubled: FLOPS",
        "456.89M",
        lambda: by_rule("mmobilefacenet_as_written"),
        lambda: published(by_rule("mmobilefacenet_published")),
    ),
    number(
        PAPER,
        "Section 3.2",
        "the original MobileFaceNet's embedding, which is kept",
        "512",
        lambda: {"Chen et al. 2018": counted("mobilefacenet").layers[-1].output_shape[1]},
    ),
    statement(
        PAPER,
        "Section 3.4",
        "MobileFaceNet belongs to the category below 2M",
        below("2M"),
        lambda: counted_parameters("mobilefacenet", **DESCRIBED),
    ),
    statement(
        PAPER,
        "Section 3.4",
        "MMobileFaceNet belongs to the category of 2M to 5M",
        between("2M", "5M"),
        lambda: {
            "all layers doubled": parameters("mmobilefacenet_as_written"),
            "only between the blocks": parameters("mmobilefacenet_published"),
        },
    ),
    statement(
        PAPER,
        "Section 2",
        "MobileFaceNet has less than 1M",
        below("1M"),
        lambda: counted_parameters("mobilefacenet"),
    ),
)
ACCURACIES: tuple[Claim, ...] = (
    *(
        number(
            PAPER,
            "Figure 4",
            f"{row}: average of the four groups of RFW",
            f"{printed_average} %",
            partial(average, row),
        )
        for row, printed_average in ((row, digits.split()[4]) for row, digits in FIGURE_4.items())
    ),
    *(
        number(
            PAPER,
            "Figures 3 and 4",
            f"{row}: IJB-C at FAR 1e-4 is the same in both",
            f"{digits.split()[-1]} %",
            lambda row=row: {"Figure 4": TABLE_4[row]["IJB-C 1e-4"]},
        )
        for row, digits in FIGURE_3.items()
    ),
    number(PAPER, "Section 4", "STD and SER, announced for nine rows (how many are printed)", "18", announced),
    statement(
        PAPER, "Section 5", "groups are served more evenly than by the baseline", above("0"), spread_against_baseline
    ),
    statement(
        PAPER,
        "Figures 3 and 4",
        "accuracies in rows of SAM are shares of pairs (how many are not)",
        printed("0"),
        partial(impossible, SAM),
    ),
    statement(
        PAPER,
        "Figures 3 and 4",
        "accuracies in rows of SGD are shares of pairs (how many are not)",
        printed("0"),
        partial(impossible, SGD),
    ),
    number(
        PAPER,
        "Section 4",
        "SAM over the baseline, 1.1M, on average",
        "4 points",
        partial(mean_gain, BASELINE_PAIRS),
        partial(mean_relative_gain, BASELINE_PAIRS),
    ),
    number(PAPER, "Section 4", "SAM over SGD, 1.1M, on average", "1.2 points", partial(mean_gain, SMALL_PAIRS)),
    number(PAPER, "Section 4", "SAM over SGD, 2.1M, on average", "1.4 points", partial(mean_gain, LARGE_PAIRS)),
    statement(
        PAPER,
        "Section 4",
        "the gain over the baseline, which had other data, is SAM's (its share)",
        above("50 %"),
        share_of_sam,
    ),
    statement(
        PAPER,
        "Section 4",
        "SAM is consistently better than SGD: nowhere worse",
        at_least("0 points"),
        partial(worst_gain, (*SMALL_PAIRS, *LARGE_PAIRS)),
    ),
    statement(
        PAPER,
        "Section 4",
        "on RFW, SAM is better than SGD in every group",
        above("0 points"),
        partial(worst_gain, (*SMALL_PAIRS, *LARGE_PAIRS), rows((), GROUPS)),
    ),
    statement(
        PAPER,
        "Section 5",
        "with SAM consistently better than the baseline: nowhere worse",
        at_least("0 points"),
        partial(worst_gain, tuple((row, "baseline") for row in SAM)),
    ),
    number(
        PAPER,
        "Section 4",
        "low resolution: gap to the baseline, on average",
        "5 points",
        mean_low_resolution_gap,
        strongest_low_resolution_gap,
    ),
    statement(
        PAPER,
        "Section 4",
        "low resolution: the gap is there for all alike (largest less smallest)",
        below("1 points"),
        spread_of_low_resolution_gap,
    ),
    statement(
        PAPER, "Section 4", "M-SAM V1 is best in several columns", at_least("2"), partial(best_columns, "M-SAM V1")
    ),
    statement(
        PAPER, "Section 4", "M-SGD V2 is best in several columns", at_least("2"), partial(best_columns, "M-SGD V2")
    ),
    statement(
        PAPER,
        "Figure 4",
        "IJB-C resolves FAR 1e-5 (impostors accepted)",
        at_least(RULE_OF_THIRTY),
        lambda: {"of 15.6 million": 1e-5 * IJBC_IMPOSTORS},
    ),
    statement(
        PAPER,
        "Section 3.1",
        "4.2M images of 100K people: images a person",
        between("30 images", "50 images"),
        lambda: {"on average": 4.2e6 / 100e3},
    ),
)
CLAIMS = (*NETWORKS, *ACCURACIES)
