"""Solutions to the exercises of notebooks/14_paper_audit.ipynb, and the mistakes that its checks explain."""


def pairs_behind(recall, specificity, n_genuine, n_impostor):
    tp, tn = round(recall / 100 * n_genuine), round(specificity / 100 * n_impostor)
    return tp, n_genuine - tp, n_impostor - tn, tn


def three_verdicts(parameters, ours, other, n):
    agree = [1_050_000 <= count <= 1_150_000 for count in parameters.values()]
    size = "cannot be told" if not agree else "holds" if any(agree) else "does not hold"
    right = round(float(ours) / 100 * n)
    share = "holds" if f"{100 * right / n:.2f}" == ours else "does not hold"
    p_1, p_2 = float(ours) / 100, float(other) / 100
    half = 1.96 * (p_1 * (1 - p_1) / n + p_2 * (1 - p_2) / n) ** 0.5
    ends_above = (p_1 - p_2 - half > 0) + (p_1 - p_2 + half > 0)
    return size, share, ("does not hold", "cannot be told", "holds")[ends_above]


def accepted_for_rejected(recall, specificity, n_genuine, n_impostor):
    tp, fn, fp, tn = pairs_behind(recall, specificity, n_genuine, n_impostor)
    return tp, fn, tn, fp


def cut_off(recall, specificity, n_genuine, n_impostor):
    tp, tn = int(recall / 100 * n_genuine), int(specificity / 100 * n_impostor)
    return tp, n_genuine - tp, n_impostor - tn, tn


def better_by_the_difference_alone(parameters, ours, other, n):
    size, share, _ = three_verdicts(parameters, ours, other, n)
    return size, share, "holds" if float(ours) > float(other) else "does not hold"


def no_reading_is_a_failure(parameters, ours, other, n):
    size, share, better = three_verdicts(parameters, ours, other, n)
    return size if parameters else "does not hold", share, better


WRONG = {
    "pairs_behind": {
        "Specificity is about impostors": accepted_for_rejected,
        "is nearly whole: round it": cut_off,
    },
    "three_verdicts": {
        "needs both ends on one side": better_by_the_difference_alone,
        "without a reading nothing can be told": no_reading_is_a_failure,
    },
}
