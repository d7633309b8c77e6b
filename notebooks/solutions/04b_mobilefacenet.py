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


def bottleneck(conv, c_in, hidden, c_out, stride):
    """Only the depthwise unit looks at neighbours, so the kernel of 3, the stride and the groups are all its own.

    As many groups as channels means that each filter reads one channel. The last unit is linear. An input can be added
    only to an output of the same shape: stride 1 keeps the sides of the map, and the channels must agree.
    """
    widen = conv(c_in, hidden, 1)
    filtering = conv(hidden, hidden, 3, stride, groups=hidden)
    squeeze = conv(hidden, c_out, 1, linear=True)
    return [widen, filtering, squeeze], stride == 1 and c_in == c_out


def weighted_places(maps, weights):
    """Multiply every face's map by the same weights, and sum over height and width.

    Shapes are lined up from the right: (C, H, W) fits the last three dimensions of (N, C, H, W), so that each face is
    multiplied by the same weights, and each channel by its own. The last two dimensions are the places.
    """
    return (maps * weights).sum(dim=(2, 3))
