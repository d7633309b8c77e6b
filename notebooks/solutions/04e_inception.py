"""Solutions to the exercises of notebooks/04e_inception.ipynb."""


def window_and_weights(kernels):
    height = 1 + sum(h - 1 for h, _ in kernels)
    width = 1 + sum(w - 1 for _, w in kernels)
    return height, width, sum(h * w for h, w in kernels)


def people_behind(parameters_with, parameters_without, features):
    return (parameters_with - parameters_without) / (features + 1)
