"""Wrong answers to the exercises of 05_center_loss_digits, each under the rule that it breaks."""

MUTANTS = {
    "center_gradient": {
        "the loss is a mean over the batch": lambda x, y, c: x - c[y],
        "the mean is over as many rows as there are": lambda x, y, c: (x - c[y]) / 6,
        "the gradient points away from the center": lambda x, y, c: (c[y] - x) / len(x),
    },
    "move_center": {
        "one is added to the number of features": lambda c, x, alpha: c + alpha * (x - c).sum(axis=0) / max(1, len(x)),
        "alpha scales the step": lambda c, x, alpha: c + (x - c).sum(axis=0) / (1 + len(x)),
    },
}
