"""Solutions to the exercises of notebooks/03_convolution_costs.ipynb, with the reasons."""


def block_costs(rows):
    """Count the weights of each convolution once, and let each of them work once at every place.

    There are c_out filters, and each sees the c_in // groups channels of its own group through kernel * kernel places.
    The output has side * side places, and at each of them every weight takes one multiply-add.
    """
    multiply_adds = weights = 0
    for c_in, c_out, kernel, groups, side in rows:
        of_this_one = c_out * (c_in // groups) * kernel**2
        weights += of_this_one
        multiply_adds += of_this_one * side**2
    return multiply_adds, weights


def folded(weight, gamma, beta, mean, variance, epsilon):
    """Sort the batch norm's formula into what multiplies x and what is left for x = 0.

    The factor is one number for each output channel, and a convolution is linear: so it may multiply the channel's whole
    filter. For x = 0 the batch norm gives beta - mean * factor, which is the bias.
    """
    factor = gamma / (variance + epsilon) ** 0.5
    return weight * factor.reshape(-1, 1, 1, 1), beta - mean * factor


def live(reads, sizes):
    """Find the last reader of each tensor first, then add up, operation by operation, what is still wanted.

    Going through the operations in order, a later reader overwrites an earlier one, so the last one stays. A tensor
    without a reader gets the operation that makes it, and is gone after that.
    """
    last_read = {}
    for now, tensors in enumerate(reads):
        for tensor in tensors:
            last_read[tensor] = now
    totals = []
    for now in range(len(sizes)):
        total = 0
        for made in range(now + 1):
            if last_read.get(made, made) >= now:
                total += sizes[made]
        totals.append(total)
    return totals
