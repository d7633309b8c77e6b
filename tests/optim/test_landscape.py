from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, scaled_dot_product_attention

from course_lib.losses import CenterLoss
from course_lib.optim import Landscape


class Classifier(nn.Module):
    """A criterion without weights: the embeddings are the logits."""

    def forward(self, embeddings: Tensor, labels: Tensor) -> SimpleNamespace:
        return SimpleNamespace(total=cross_entropy(embeddings, labels))


def network() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Linear(4, 5), nn.BatchNorm1d(5), nn.PReLU(5), nn.Dropout(0.5), nn.Linear(5, 3, bias=False)
    ).double()


class Counter(nn.Module):
    """A layer that records in every mode."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("seen", torch.zeros(1))

    def forward(self, images: Tensor) -> Tensor:
        self.seen += 1
        return images


@pytest.fixture
def data() -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(1)
    return torch.randn(12, 4, generator=generator, dtype=torch.float64), torch.randint(3, (12,), generator=generator)


def flat(*modules: nn.Module) -> Tensor:
    return torch.cat([p.detach().flatten() for module in modules for p in module.parameters()])


def test_loss_gradient_and_hessian_are_those_of_the_network(data):
    net = network()
    net(data[0])  # so that the running statistics are no longer the initial ones
    landscape = Landscape(net, Classifier(), data)
    point = landscape.weights + 0.3 * torch.randn(
        len(landscape.weights), generator=torch.Generator().manual_seed(2), dtype=torch.float64
    )
    loss, gradient = landscape.gradient(point)
    product = landscape.hessian_product(point, torch.ones_like(point))

    nn.utils.vector_to_parameters(point, net.parameters())
    expected = cross_entropy(net.eval()(data[0]), data[1])
    assert loss == landscape.loss(point) == pytest.approx(expected.item(), rel=1e-12)
    expected_gradient = torch.autograd.grad(expected, list(net.parameters()))
    assert torch.allclose(gradient, torch.cat([g.flatten() for g in expected_gradient]), rtol=1e-10)
    step = 1e-6 * torch.ones_like(point)
    difference = (landscape.gradient(point + step)[1] - landscape.gradient(point - step)[1]) / 2e-6
    assert torch.allclose(product, difference, atol=1e-7)


def test_the_hessian_is_that_of_autograd(data):
    torch.manual_seed(0)
    net = nn.Linear(4, 3).double()
    landscape = Landscape(net, Classifier(), data)

    def loss(weights: Tensor) -> Tensor:
        return cross_entropy(data[0] @ weights[:12].view(3, 4).T + weights[12:], data[1])

    expected = torch.autograd.functional.hessian(loss, landscape.weights)
    found = torch.stack([landscape.hessian_product(landscape.weights, v) for v in torch.eye(15, dtype=torch.float64)])
    assert torch.allclose(found, expected, atol=1e-12) and expected.abs().max() > 0.01


def test_batches_of_unequal_size_are_the_whole(data):
    net, (images, labels) = network(), data
    pieces = [(images[:7], labels[:7]), (images[7:8], labels[7:8]), (images[8:], labels[8:])]
    whole, parts = Landscape(net, Classifier(), data), Landscape(net, Classifier(), iter(pieces))
    direction = torch.ones_like(whole.weights)
    for _ in range(2):  # the iterator is kept
        assert parts.loss(whole.weights) == pytest.approx(whole.loss(whole.weights), rel=1e-12)
        assert torch.allclose(parts.gradient(whole.weights)[1], whole.gradient(whole.weights)[1], rtol=1e-9)
    assert torch.allclose(
        parts.hessian_product(whole.weights, direction),
        whole.hessian_product(whole.weights, direction),
        rtol=1e-9,
        atol=1e-12,
    )


def test_everything_is_left_as_it_was(data):
    net, criterion = network().append(Counter()), CenterLoss(3, 3, weight=0.1, seed=0).double()
    net[3].eval()  # modes may be mixed
    criterion(net(data[0]), data[1]).total.backward()
    modes = [module.training for module in (*net.modules(), *criterion.modules())]
    tensors = [*net.parameters(), *net.buffers(), *criterion.parameters(), *criterion.buffers()]
    bits = [(tensor.detach().clone(), None if tensor.grad is None else tensor.grad.clone()) for tensor in tensors]
    landscape = Landscape(net, criterion, data)
    assert torch.equal(landscape.weights, flat(net, criterion))
    landscape.gradient(landscape.weights + 1)
    landscape.hessian_product(landscape.weights + 1, landscape.weights)
    assert modes == [module.training for module in (*net.modules(), *criterion.modules())]
    after = [*net.parameters(), *net.buffers(), *criterion.parameters(), *criterion.buffers()]
    assert all(one is other for one, other in zip(tensors, after, strict=True))
    for tensor, (value, gradient) in zip(after, bits, strict=True):
        assert torch.equal(tensor, value) and (gradient is None) == (tensor.grad is None)
        assert gradient is None or torch.equal(tensor.grad, gradient)


def test_an_exception_leaves_the_modes(data):
    net = network()
    landscape = Landscape(net, Classifier(), (data[0][:, :3], data[1]))
    with pytest.raises(RuntimeError):
        landscape.loss(landscape.weights)
    assert all(module.training for module in net.modules())


def test_frozen_weights_are_no_coordinates(data):
    net = network()
    net[0].requires_grad_(False)
    landscape = Landscape(net, Classifier(), data)
    assert torch.equal(landscape.weights, flat(net[1:]))


def test_a_weight_that_is_not_used_has_no_slope(data):
    net = nn.Linear(4, 3).double()
    net.register_parameter("idle", nn.Parameter(torch.ones(2, dtype=torch.float64)))
    landscape = Landscape(net, Classifier(), data)
    names = [name for name, p in net.named_parameters() for _ in range(p.numel())]
    idle = torch.tensor([name == "idle" for name in names])
    product = landscape.hessian_product(landscape.weights, torch.ones_like(landscape.weights))
    assert not landscape.gradient(landscape.weights)[1][idle].any() and not product[idle].any()
    assert landscape.gradient(landscape.weights)[1][~idle].all()


def test_a_linear_loss_has_no_curvature():
    class Mean(nn.Module):
        def forward(self, embeddings: Tensor, labels: Tensor) -> SimpleNamespace:
            return SimpleNamespace(total=embeddings.mean())

    landscape = Landscape(nn.Linear(2, 1), Mean(), (torch.ones(3, 2), torch.zeros(3, dtype=torch.int64)))
    assert not landscape.hessian_product(landscape.weights, torch.ones(3)).any()


def test_attention_has_a_second_derivative():
    class Attention(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = nn.Parameter(torch.ones(8, 8) / 8)

        def forward(self, images: Tensor) -> Tensor:
            tokens = (images @ self.weight)[:, None]
            return scaled_dot_product_attention(tokens, tokens, tokens)[:, 0].mean(1)

    images = torch.randn(6, 4, 8, generator=torch.Generator().manual_seed(0))
    landscape = Landscape(Attention(), Classifier(), (images, torch.arange(6) % 8))
    assert landscape.hessian_product(landscape.weights, torch.ones(64)).isfinite().all()


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ([], "there are no images"),
        ((torch.ones(0, 4), torch.ones(0)), "there are no images"),
        ([(torch.ones(2, 4), torch.ones(2), torch.ones(2))], r"a batch is tuple; expected \(images, labels\)"),
        ([torch.ones(2, 4)], r"a batch is Tensor; expected \(images, labels\)"),
        ((torch.ones(2, 4, dtype=torch.uint8), torch.ones(2)), r"images torch\.uint8 \(2, 4\).* expected float images"),
        ((torch.ones(2, 4), torch.ones(3)), r"labels \(3,\); expected"),
    ],
)
def test_bad_data_is_refused(data, message: str):
    with pytest.raises(ValueError, match=message):
        Landscape(nn.Linear(4, 3), Classifier(), data)


def test_a_network_without_weights_to_train_is_refused(data):
    with pytest.raises(ValueError, match="no parameter requires a gradient"):
        Landscape(nn.Identity(), Classifier(), data)
