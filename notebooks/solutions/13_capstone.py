"""Solutions to the exercises of notebooks/13_capstone.ipynb."""

import numpy as np


def with_a_lead(cosines, owners, threshold, margin):
    best = cosines.argmax()
    others = cosines[owners != owners[best]]
    is_named = cosines[best] >= threshold and cosines[best] - others.max() >= margin
    return int(owners[best]) if is_named else -1


def averaged(templates, owners):
    means = np.stack(
        [templates[owners == person].mean(axis=0) for person in range(owners.max() + 1)]
    )
    return means / np.linalg.norm(means, axis=1, keepdims=True)


def false_names_a_day(far, people, people_now, faces):
    chance = 1 - (1 - far) ** (1 / people)
    return faces * (1 - (1 - chance) ** people_now)
