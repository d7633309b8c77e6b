"""Solutions to the exercises of notebooks/14_paper_audit.ipynb."""


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
