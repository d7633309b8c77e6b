"""Solutions to the exercises of notebooks/13_capstone.ipynb."""

import numpy as np


def with_a_lead(cosines, owners, threshold, margin):
    """Compare the best template with the best one of all other people.

    The nearest person owns the best template of all. Their other templates are left out of the comparison, because
    two photographs of one person do not make the answer less sure. Both conditions include equality.
    """
    best = cosines.argmax()
    others = cosines[owners != owners[best]]
    is_named = cosines[best] >= threshold and cosines[best] - others.max() >= margin
    return int(owners[best]) if is_named else -1


def averaged(templates, owners):
    """Take the mean of each person's rows, and divide it by its length.

    The mean of unit vectors is shorter than one unless they are equal, and a cosine taken as a bare dot product would
    then be too low. Going through 0 to P-1 puts the rows in the order of the people's numbers.
    """
    people = range(owners.max() + 1)
    means = np.stack([templates[owners == person].mean(axis=0) for person in people])
    return means / np.linalg.norm(means, axis=1, keepdims=True)


def false_names_a_day(far, people, people_now, faces):
    """Go from all people to one, and back to as many as there are now.

    A face gets no name when every person is missed: 1 - far is the product of so many equal chances, so one person is
    missed with its root. Adding up the chances instead would count a face twice that is like two people.
    """
    chance = 1 - (1 - far) ** (1 / people)
    return faces * (1 - (1 - chance) ** people_now)
