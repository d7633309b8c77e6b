"""Which batch norms disappear into the convolution or linear layer before them when a network is deployed.

At evaluation batch norm is a scale and a shift per channel; the scale multiplies the filters, the shift joins the bias
(Jacob et al. 2018, section 3.2).
"""

from __future__ import annotations

from torch.fx import Graph, Node

from course_lib.cost.graph import elements, operation

FOLDABLE = {"conv1d", "conv2d", "conv3d", "conv_transpose1d", "conv_transpose2d", "conv_transpose3d", "linear"}
RESHAPES = {"flatten", "view", "reshape", "squeeze", "unsqueeze", "unflatten"}


def folded_batch_norms(graph: Graph) -> dict[Node, Node]:
    """Each batch norm that folds, with the convolution or linear layer that takes it.

    That layer's output and its weights must have no other use.
    """
    folded = {}
    for node in graph.nodes:
        if is_fixed_batch_norm(node):
            producer = node.args[0]
            while operation(producer) in RESHAPES and len(producer.users) == 1:
                producer = producer.args[0]
            if operation(producer) in FOLDABLE and len(producer.users) == 1 and len(producer.args[1].users) == 1:
                folded[node] = producer
    return folded


def is_fixed_batch_norm(node: Node) -> bool:
    """Whether it is batch norm with stored statistics; without them it depends on the image and cannot fold."""
    return operation(node) == "batch_norm" and node.args[3] is not None


def channels(batch_norm: Node) -> int:
    """How many channels it normalises."""
    return elements(batch_norm.args[3])


def has_bias(layer: Node) -> bool:
    """Whether a convolution or linear layer has a bias already."""
    return len(layer.args) > 2 and layer.args[2] is not None
