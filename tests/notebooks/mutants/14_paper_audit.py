"""Wrong answers to the exercises of 14_paper_audit, each under the rule that it breaks."""

from tools.notebook_exercises import solution_of

right = solution_of("14_paper_audit")


def accepted_for_rejected(recall, specificity, n_genuine, n_impostor):
    tp, fn, fp, tn = right.pairs_behind(recall, specificity, n_genuine, n_impostor)
    return tp, fn, tn, fp


def cut_off(recall, specificity, n_genuine, n_impostor):
    tp, tn = int(recall / 100 * n_genuine), int(specificity / 100 * n_impostor)
    return tp, n_genuine - tp, n_impostor - tn, tn


def all_readings(parameters, ours, other, n):
    _, share, better = right.three_verdicts(parameters, ours, other, n)
    agree = [1_050_000 <= count <= 1_150_000 for count in parameters.values()]
    return "cannot be told" if not agree else "holds" if all(agree) else "does not hold", share, better


def better_by_the_difference_alone(parameters, ours, other, n):
    size, share, _ = right.three_verdicts(parameters, ours, other, n)
    return size, share, "holds" if float(ours) > float(other) else "does not hold"


def no_reading_is_a_failure(parameters, ours, other, n):
    size, share, better = right.three_verdicts(parameters, ours, other, n)
    return size if parameters else "does not hold", share, better


def any_share_is_possible(parameters, ours, other, n):
    size, _, better = right.three_verdicts(parameters, ours, other, n)
    return size, "holds", better


MUTANTS = {
    "pairs_behind": {
        "specificity is about impostors accepted and rejected": accepted_for_rejected,
        "counts are rounded, not cut off": cut_off,
    },
    "three_verdicts": {
        "a number holds if one reading fits": all_readings,
        "a share must be one of so many pairs": any_share_is_possible,
        "a statement needs both ends of the interval on one side": better_by_the_difference_alone,
        "without a reading nothing can be told": no_reading_is_a_failure,
    },
}
