"""Solutions to the exercises of notebooks/14_paper_audit.ipynb, with the reasons."""


def pairs_behind(recall, specificity, n_genuine, n_impostor):
    """Multiply each rate by its own kind of pairs, and take the nearest whole number.

    A printed rate is at most half a unit of the last digit off, so the product is nearly whole but may lie on either
    side: cutting it off would lose a pair. What is not accepted of the genuine pairs is fn, and what is not rejected
    of the impostors is fp.
    """
    tp, tn = round(recall / 100 * n_genuine), round(specificity / 100 * n_impostor)
    return tp, n_genuine - tp, n_impostor - tn, tn


def number_verdicts(parameters, ours, n):
    """A number needs one reading, and no reading decides nothing.

    Counts from 1.05 to 1.15 million round to 1.1M. For the accuracy only the nearest whole number of pairs can print
    as it, so it is enough to print that one and to compare the texts.
    """
    agree = [1_050_000 <= count < 1_150_000 for count in parameters.values()]
    size = "cannot be told" if not agree else "holds" if any(agree) else "does not hold"
    right = round(float(ours) / 100 * n)
    return size, "holds" if f"{100 * right / n:.2f}" == ours else "does not hold"


def lead_verdict(ours, other, n):
    """Work out both ends of the interval and count those above 0.

    A statement must hold under every reading, so it holds with two and fails with none. With one end on each side the
    table is compatible with a lead and with none, which is not the same as showing that there is none.
    """
    p_1, p_2 = float(ours) / 100, float(other) / 100
    half = 1.96 * (p_1 * (1 - p_1) / n + p_2 * (1 - p_2) / n) ** 0.5
    ends_above = (p_1 - p_2 - half > 0) + (p_1 - p_2 + half > 0)
    return ("does not hold", "cannot be told", "holds")[ends_above]
