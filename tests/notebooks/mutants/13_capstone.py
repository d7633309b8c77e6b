"""Wrong answers to the exercises of 13_capstone, each under the rule that it breaks."""

import numpy as np

from tools.notebook_exercises import solution_of

right = solution_of("13_capstone")


def lead_over_templates(cosines, owners, threshold, margin):
    second, first = np.sort(cosines)[-2:]  # both may be of one person
    return int(owners[cosines.argmax()]) if first >= threshold and first - second >= margin else -1


def lead_over_the_second_template_of_others(cosines, owners, threshold, margin):
    best = cosines.argmax()
    others = cosines[owners != owners[best]]
    return int(owners[best]) if cosines[best] >= threshold and cosines[best] - others.min() >= margin else -1


def of_mean_scores(cosines, owners, threshold, margin):
    people = np.unique(owners)
    means = np.array([cosines[owners == person].mean() for person in people])
    second, first = np.sort(means)[-2:]
    return int(people[means.argmax()]) if first >= threshold and first - second >= margin else -1


def no_lead(cosines, owners, threshold, margin):
    return int(owners[cosines.argmax()]) if cosines.max() >= threshold else -1


def no_threshold(cosines, owners, threshold, margin):
    return right.with_a_lead(cosines, owners, -np.inf, margin)


def above_the_threshold(cosines, owners, threshold, margin):
    return right.with_a_lead(cosines, owners, np.nextafter(threshold, np.inf), margin)


def more_than_the_margin(cosines, owners, threshold, margin):
    return right.with_a_lead(cosines, owners, threshold, np.nextafter(margin, np.inf))


def number_of_the_template(cosines, owners, threshold, margin):
    is_nobody = right.with_a_lead(cosines, owners, threshold, margin) == -1
    return -1 if is_nobody else int(cosines.argmax())


def nobody_is_person_0(cosines, owners, threshold, margin):
    return max(right.with_a_lead(cosines, owners, threshold, margin), 0)


def not_of_length_one(templates, owners):
    return np.stack([templates[owners == person].mean(axis=0) for person in range(owners.max() + 1)])


def length_one_by_columns(templates, owners):
    means = not_of_length_one(templates, owners)
    return means / np.linalg.norm(means, axis=0, keepdims=True)


def in_order_of_appearance(templates, owners):
    people = list(dict.fromkeys(owners.tolist()))
    return right.averaged(templates, np.array([people.index(owner) for owner in owners]))


def the_first_template(templates, owners):
    return np.stack([templates[owners == person][0] for person in range(owners.max() + 1)])


def of_equal_numbers(templates, owners):
    """Adds only as many templates of each person as everybody has."""
    fewest = min(np.bincount(owners))
    sums = np.stack([templates[owners == person][:fewest].sum(axis=0) for person in range(owners.max() + 1)])
    return sums / np.linalg.norm(sums, axis=1, keepdims=True)


def in_proportion(far, people, people_now, faces):
    return faces * far * people_now / people  # more names than faces


def as_if_for_one_person(far, people, people_now, faces):
    return faces * (1 - (1 - far) ** people_now)


def an_equal_part_each(far, people, people_now, faces):
    return faces * (1 - (1 - far / people) ** people_now)


def never_fewer(far, people, people_now, faces):
    return right.false_names_a_day(far, people, max(people, people_now), faces)


def the_other_way_round(far, people, people_now, faces):
    return right.false_names_a_day(far, people_now, people, faces)


def a_share(far, people, people_now, faces):
    return right.false_names_a_day(far, people, people_now, 1)


def whole_names(far, people, people_now, faces):
    return float(round(right.false_names_a_day(far, people, people_now, faces)))


MUTANTS = {
    "with_a_lead": {
        "templates of one person do not compete": lead_over_templates,
        "the lead is over every other person": lead_over_the_second_template_of_others,
        "a person's score is that of the most similar template": of_mean_scores,
        "a lead over the second person is needed": no_lead,
        "the threshold must be reached": no_threshold,
        "a cosine equal to the threshold is enough": above_the_threshold,
        "a lead equal to the margin is enough": more_than_the_margin,
        "the number of the person, not of the template": number_of_the_template,
        "-1 is nobody": nobody_is_person_0,
    },
    "averaged": {
        "a template has length one": not_of_length_one,
        "each row has length one, not each column": length_one_by_columns,
        "rows are in the order of the people's numbers": in_order_of_appearance,
        "the average of all templates of a person": the_first_template,
        "people may have different numbers of templates": of_equal_numbers,
    },
    "false_names_a_day": {
        "a face gets one name at most": in_proportion,
        "far was chosen for so many people, not for one": as_if_for_one_person,
        "the chance of one person is a root, not a part": an_equal_part_each,
        "there may be fewer people now": never_fewer,
        "from the people then to the people now": the_other_way_round,
        "a number of names, not a share": a_share,
        "the number expected need not be whole": whole_names,
    },
}
