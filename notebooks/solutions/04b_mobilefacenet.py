"""Solutions to the exercises of notebooks/04b_mobilefacenet.ipynb, with the reasons."""


def blocks_of(table, channels):
    """Walk through the table, and carry along how many channels the block before has put out.

    The first block of a row takes in the channels of the row before, all others those of their own row. So t may mean
    different insides within one row: it multiplies what comes in. Only the first block of a row has its stride.
    """
    found = []
    for t, c, n, s in table:
        for repeat in range(n):
            stride = s if repeat == 0 else 1
            found.append((channels, t * channels, c, stride))
            channels = c
    return found


def weighted_places(maps, weights):
    """Multiply every face's map by the same weights, and sum over height and width.

    Shapes are lined up from the right: (C, H, W) fits the last three dimensions of (N, C, H, W), so that each face is
    multiplied by the same weights, and each channel by its own. The last two dimensions are the places.
    """
    return (maps * weights).sum(dim=(2, 3))


def window(layers):
    """Carry the window and the distance of neighbours through the layers, and widen first.

    A kernel of k adds k - 1 neighbours, and each lies one distance further away. The stride of a layer pulls the places
    of its output apart, so it changes the distance for the layers that come after it.
    """
    side = distance = 1
    for kernel, stride in layers:
        side += (kernel - 1) * distance
        distance *= stride
    return side
