"""Solutions to the exercises of notebooks/13_capstone.ipynb, and the mistakes that its checks explain."""

import numpy as np


def with_a_lead(cosines, owners, threshold, margin):
    best = cosines.argmax()
    others = cosines[owners != owners[best]]
    is_named = cosines[best] >= threshold and cosines[best] - others.max() >= margin
    return int(owners[best]) if is_named else -1


def averaged(templates, owners):
    means = np.stack([templates[owners == person].mean(axis=0) for person in range(owners.max() + 1)])
    return means / np.linalg.norm(means, axis=1, keepdims=True)


def false_names_a_day(far, people, people_now, faces):
    chance = 1 - (1 - far) ** (1 / people)
    return faces * (1 - (1 - chance) ** people_now)


def lead_over_templates(cosines, owners, threshold, margin):
    second, first = np.sort(cosines)[-2:]  # both may be of one person
    return int(owners[cosines.argmax()]) if first >= threshold and first - second >= margin else -1


def no_lead(cosines, owners, threshold, margin):
    return int(owners[cosines.argmax()]) if cosines.max() >= threshold else -1


def must_exceed(cosines, owners, threshold, margin):
    best = cosines.argmax()
    lead = cosines[best] - cosines[owners != owners[best]].max()
    return int(owners[best]) if cosines[best] > threshold and lead > margin else -1


def not_of_length_one(templates, owners):
    return np.stack([templates[owners == person].mean(axis=0) for person in range(owners.max() + 1)])


def in_order_of_appearance(templates, owners):
    people = list(dict.fromkeys(owners.tolist()))
    means = np.stack([templates[owners == person].mean(axis=0) for person in people])
    return means / np.linalg.norm(means, axis=1, keepdims=True)


def in_proportion(far, people, people_now, faces):
    return faces * far * people_now / people  # more names than faces


def as_if_for_one_person(far, people, people_now, faces):
    return faces * (1 - (1 - far) ** people_now)


WRONG = {
    "with_a_lead": {
        "do not compete": lead_over_templates,
        "the lead is over other people": no_lead,
        "equal is enough": must_exceed,
    },
    "averaged": {"shorter than one": not_of_length_one, "in the order of their numbers": in_order_of_appearance},
    "false_names_a_day": {"never exceeds 1": in_proportion, "all people are missed": as_if_for_one_person},
}
