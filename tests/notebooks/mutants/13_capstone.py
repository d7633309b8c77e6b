"""Wrong answers to the exercises of 13_capstone, each under the rule that it breaks."""

import numpy as np


def lead_over_templates(cosines, owners, threshold, margin):
    second, first = np.sort(cosines)[-2:]  # both may be of one person
    return int(owners[cosines.argmax()]) if first >= threshold and first - second >= margin else -1


def no_lead(cosines, owners, threshold, margin):
    return int(owners[cosines.argmax()]) if cosines.max() >= threshold else -1


def no_threshold(cosines, owners, threshold, margin):
    best = cosines.argmax()
    return int(owners[best]) if cosines[best] - cosines[owners != owners[best]].max() >= margin else -1


def above_the_threshold(cosines, owners, threshold, margin):
    best = cosines.argmax()
    lead = cosines[best] - cosines[owners != owners[best]].max()
    return int(owners[best]) if cosines[best] > threshold and lead >= margin else -1


def more_than_the_margin(cosines, owners, threshold, margin):
    best = cosines.argmax()
    lead = cosines[best] - cosines[owners != owners[best]].max()
    return int(owners[best]) if cosines[best] >= threshold and lead > margin else -1


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


MUTANTS = {
    "with_a_lead": {
        "templates of one person do not compete": lead_over_templates,
        "a lead over the second person is needed": no_lead,
        "the threshold must be reached": no_threshold,
        "a cosine equal to the threshold is enough": above_the_threshold,
        "a lead equal to the margin is enough": more_than_the_margin,
    },
    "averaged": {
        "a template has length one": not_of_length_one,
        "rows are in the order of the people's numbers": in_order_of_appearance,
    },
    "false_names_a_day": {
        "a face is named once at most": in_proportion,
        "far was chosen for so many people, not for one": as_if_for_one_person,
    },
}
