"""Solutions to the exercises of notebooks/04e_inception.ipynb, and the mistakes that its checks explain."""


def window_and_weights(kernels):
    height = 1 + sum(h - 1 for h, _ in kernels)
    width = 1 + sum(w - 1 for _, w in kernels)
    return height, width, sum(h * w for h, w in kernels)


def people_behind(parameters_with, parameters_without, features):
    return (parameters_with - parameters_without) / (features + 1)


def sides_added_up(kernels):
    return sum(h for h, _ in kernels), sum(w for _, w in kernels), sum(h * w for h, w in kernels)


def weights_of_the_window(kernels):
    height, width, _ = window_and_weights(kernels)
    return height, width, height * width


def without_bias(parameters_with, parameters_without, features):
    return (parameters_with - parameters_without) / features


WRONG = {
    "window_and_weights": {"its side less one": sides_added_up, "value 3 of 3": weights_of_the_window},
    "people_behind": {"and one bias": without_bias},
}
