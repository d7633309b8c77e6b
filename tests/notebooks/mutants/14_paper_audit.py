"""Wrong answers to the exercises of 14_paper_audit, each under the rule that it breaks."""

import math

from tools.notebook_exercises import solution_of

right = solution_of("14_paper_audit")


def from_counts(tp, tn, n_genuine, n_impostor):
    return tp, n_genuine - tp, n_impostor - tn, tn


def accepted_for_rejected(recall, specificity, n_genuine, n_impostor):
    tp, fn, fp, tn = right.pairs_behind(recall, specificity, n_genuine, n_impostor)
    return tp, fn, tn, fp


def missed_for_found(recall, specificity, n_genuine, n_impostor):
    tp, fn, fp, tn = right.pairs_behind(recall, specificity, n_genuine, n_impostor)
    return fn, tp, fp, tn


def cut_off(recall, specificity, n_genuine, n_impostor):
    tp, tn = int(recall / 100 * n_genuine), int(specificity / 100 * n_impostor)
    return from_counts(tp, tn, n_genuine, n_impostor)


def rounded_up(recall, specificity, n_genuine, n_impostor):
    tp, tn = math.ceil(recall / 100 * n_genuine), math.ceil(specificity / 100 * n_impostor)
    return from_counts(tp, tn, n_genuine, n_impostor)


def not_whole(recall, specificity, n_genuine, n_impostor):
    return from_counts(recall / 100 * n_genuine, specificity / 100 * n_impostor, n_genuine, n_impostor)


def shares_of_the_other_kind(recall, specificity, n_genuine, n_impostor):
    tp, tn = round(recall / 100 * n_impostor), round(specificity / 100 * n_genuine)
    return from_counts(tp, tn, n_genuine, n_impostor)


def size_by(judge):
    """Verdicts in which the counts (a list, not empty) that round to 1.1M are judged otherwise."""

    def wrong(parameters, ours, n):
        size, share = right.number_verdicts(parameters, ours, n)
        counts = list(parameters.values())
        return (judge(counts) if counts else size), share

    return wrong


def fits(count):
    return 1_050_000 <= count < 1_150_000


def holds(is_so):
    return "holds" if is_so else "does not hold"


def no_reading_fails(parameters, ours, n):
    size, share = right.number_verdicts(parameters, ours, n)
    return (size if parameters else "does not hold"), share


def no_reading_holds(parameters, ours, n):
    size, share = right.number_verdicts(parameters, ours, n)
    return (size if parameters else "holds"), share


def as_a_statement(counts):
    agree = [fits(count) for count in counts]
    return "holds" if all(agree) else "cannot be told" if any(agree) else "does not hold"


def any_share(parameters, ours, n):
    return right.number_verdicts(parameters, ours, n)[0], "holds"


def no_share(parameters, ours, n):
    return right.number_verdicts(parameters, ours, n)[0], "does not hold"


def share_cut_off(parameters, ours, n):
    count = round(float(ours) / 100 * n)
    cut = math.floor(10_000 * count / n + 1e-9) / 100
    return right.number_verdicts(parameters, ours, n)[0], holds(f"{cut:.2f}" == ours)


def share_nearly(parameters, ours, n):
    count = round(float(ours) / 100 * n)
    return right.number_verdicts(parameters, ours, n)[0], holds(abs(100 * count / n - float(ours)) < 0.02)


def lead_by(judge, z=1.96):
    """A verdict from (low, high) of the interval, in shares."""

    def wrong(ours, other, n):
        p_1, p_2 = float(ours) / 100, float(other) / 100
        half = z * (p_1 * (1 - p_1) / n + p_2 * (1 - p_2) / n) ** 0.5
        return judge(p_1 - p_2 - half, p_1 - p_2 + half)

    return wrong


def three_ways(low, high):
    return "holds" if low > 0 else "cannot be told" if high > 0 else "does not hold"


MUTANTS = {
    "pairs_behind": {
        "specificity is about impostors rejected": accepted_for_rejected,
        "recall is about genuine pairs accepted": missed_for_found,
        "the nearest whole number, not the one below": cut_off,
        "the nearest whole number, not the one above": rounded_up,
        "whole numbers": not_whole,
        "each rate is of its own kind of pairs": shares_of_the_other_kind,
    },
    "number_verdicts": {
        "one reading is enough": size_by(lambda counts: holds(all(map(fits, counts)))),
        "a number is no statement": size_by(as_a_statement),
        "not the first reading alone": size_by(lambda counts: holds(fits(counts[0]))),
        "not the last reading alone": size_by(lambda counts: holds(fits(counts[-1]))),
        "rounded, not cut off": size_by(lambda counts: holds(any(1_100_000 <= c < 1_200_000 for c in counts))),
        "to the printed digits, no farther": size_by(lambda counts: holds(any(1e6 <= c < 1.2e6 for c in counts))),
        "readings can fail": size_by(lambda counts: "holds"),
        "without a reading nothing fails": no_reading_fails,
        "without a reading nothing holds": no_reading_holds,
        "a share must be one of so many pairs": any_share,
        "a possible share holds": no_share,
        "a share is rounded, not cut off": share_cut_off,
        "rounded to two decimals": share_nearly,
    },
    "lead_verdict": {
        "a statement holds with both ends alone": lead_by(lambda low, high: holds(high > 0)),
        "one end above 0 does not fail": lead_by(lambda low, high: holds(low > 0)),
        "neither end above 0 fails": lead_by(lambda low, high: "holds" if low > 0 else "cannot be told"),
        "the interval counts, not the difference": lead_by(lambda low, high: holds(low + high > 0)),
        "95 %, not 90 %": lead_by(three_ways, z=1.645),
        "95 %, not 99 %": lead_by(three_ways, z=2.576),
        "both networks are uncertain": lambda ours, other, n: right.lead_verdict(ours, other, 2 * n),
        "ours minus other": lambda ours, other, n: right.lead_verdict(other, ours, n),
    },
}
