"""Wrong answers to the exercises of 04e_inception, each under the rule that it breaks."""

from tools.notebook_exercises import solution_of

right = solution_of("04e_inception")


def sides_added_up(kernels):
    return sum(h for h, _ in kernels), sum(w for _, w in kernels), sum(h * w for h, w in kernels)


def weights_of_the_window(kernels):
    height, width, _ = right.window_and_weights(kernels)
    return height, width, height * width


def without_bias(parameters_with, parameters_without, features):
    return (parameters_with - parameters_without) / features


MUTANTS = {
    "window_and_weights": {
        "a kernel adds its side less one": sides_added_up,
        "the weights of all kernels add up": weights_of_the_window,
    },
    "people_behind": {"each person has a bias": without_bias},
}
