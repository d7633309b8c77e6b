"""The criteria that compare a student with a teacher, each beside a calculation by hand or an independent one."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn.functional import normalize

from course_lib.losses import (
    CosineDistillation,
    EmbeddingMSE,
    HintonKD,
    RelationalDistillation,
    Softmax,
    WeightedSum,
)
from course_lib.losses.relational_distillation import angles, relative_distances

TAUGHT = (CosineDistillation, EmbeddingMSE, RelationalDistillation)
SEEDS = st.integers(0, 2**31)


def random(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def test_cosine_by_hand():
    criterion = CosineDistillation(torch.tensor([[2.0, 0.0], [0.0, 3.0], [-1.0, 0.0]]))
    loss = criterion(torch.tensor([[5.0, 0.0], [1.0, 1.0]]), torch.tensor([0, 1]))
    assert loss.total.item() == pytest.approx((0 + 1 - math.sqrt(0.5)) / 2)
    assert torch.allclose(loss.logits, torch.tensor([[1, 0, -1], [math.sqrt(0.5), math.sqrt(0.5), -math.sqrt(0.5)]]))


def test_mse_by_hand_with_and_without_lengths():
    teacher, student, labels = torch.tensor([[3.0, 4.0], [0.0, 2.0]]), torch.tensor([[0.0, 1.0]]), torch.tensor([1])
    assert EmbeddingMSE(teacher)(student, labels).total.item() == pytest.approx(0)
    assert EmbeddingMSE(teacher, normalised=False)(student, labels).total.item() == pytest.approx(1)
    assert EmbeddingMSE(teacher, normalised=False)(student, torch.tensor([0])).total.item() == pytest.approx(9 + 9)


@given(seed=SEEDS)
def test_on_the_sphere_the_squared_distance_is_twice_the_cosine_distance(seed: int):
    teacher, student, labels = random(7, 5, seed=seed), random(4, 5, seed=seed + 1), torch.tensor([6, 0, 3, 3])
    mse = EmbeddingMSE(teacher)(student, labels).total
    assert mse.item() == pytest.approx(2 * CosineDistillation(teacher)(student, labels).total.item(), rel=1e-4)


def test_relations_beside_loops_over_pairs_and_triples():
    teacher, student = random(9, 6).double(), random(5, 4, seed=1).double()
    labels = torch.tensor([8, 2, 5, 0, 1])
    criterion = RelationalDistillation(teacher, distance_weight=3, angle_weight=7)
    loss = criterion(student.float(), labels)

    def huber(x: float) -> float:
        return x * x / 2 if abs(x) < 1 else abs(x) - 0.5

    def distances(points: torch.Tensor) -> list[list[float]]:
        every = [[float((a - b).norm()) for b in points] for a in points]
        mean = sum(map(sum, every)) / (len(points) * (len(points) - 1))
        return [[d / mean for d in row] for row in every]

    def angle(points: torch.Tensor, j: int, i: int, k: int) -> float:
        a, b = points[i] - points[j], points[k] - points[j]
        return 0.0 if i == j or k == j else float(a @ b / (a.norm() * b.norm()))

    ours, theirs, n = normalize(student), normalize(teacher[labels]), range(5)
    near, far = distances(ours), distances(theirs)
    distance = sum(huber(near[i][j] - far[i][j]) for i in n for j in n) / 25
    corner = sum(huber(angle(ours, j, i, k) - angle(theirs, j, i, k)) for i in n for j in n for k in n) / 125
    assert loss.parts["distance"].item() == pytest.approx(distance, rel=1e-4)
    assert loss.parts["angle"].item() == pytest.approx(corner, rel=1e-4)
    assert loss.total.item() == pytest.approx(3 * distance + 7 * corner, rel=1e-4)


@given(seed=SEEDS)
def test_relations_do_not_change_when_the_space_is_turned(seed: int):
    teacher, labels = random(12, 6, seed=seed), torch.arange(4, 10)
    turn = torch.linalg.qr(random(6, 6, seed=seed + 1)).Q
    criterion = RelationalDistillation(teacher)
    loss = criterion(3 * teacher[labels] @ turn, labels)
    assert loss.total.item() < 1e-4
    assert torch.equal(loss.logits.argmax(1), labels)
    assert CosineDistillation(teacher)(teacher[labels] @ turn, labels).total.item() > 1e-3


def test_relations_have_a_gradient_where_two_embeddings_coincide():
    embeddings = random(5, 4)
    embeddings[1] = embeddings[0]
    embeddings.requires_grad_()
    RelationalDistillation(random(5, 4, seed=1))(embeddings, torch.arange(5)).total.backward()
    assert embeddings.grad.isfinite().all() and embeddings.grad.any()


def test_kd_by_hand():
    classifier = Softmax(2, 2, seed=0)
    with torch.no_grad():
        classifier.weight.copy_(torch.eye(2))
    criterion = HintonKD(classifier, torch.tensor([[0.0, 2.0]]), torch.tensor([1]), temperature=2, weight=0.25)
    loss = criterion(torch.tensor([[4.0, 0.0]]), torch.tensor([0]))
    t, s = 1 / (1 + math.e), 1 / (1 + math.exp(-2))  # of the first class, at T = 2
    kl = t * math.log(t / s) + (1 - t) * math.log((1 - t) / (1 - s))
    assert loss.parts["kd"].item() == pytest.approx(4 * kl, rel=1e-5)
    assert loss.total.item() == pytest.approx(0.75 * math.log(1 + math.exp(4)) + 0.25 * 4 * kl, rel=1e-5)
    assert loss.labels.tolist() == [1] and loss.logits.tolist() == [[4.0, 0.0]]


def test_the_gradient_of_kd_keeps_its_size_when_the_temperature_grows():
    # Hinton et al., section 2.1: for large T the gradient nears (z_s - z_t) / C, of logits with mean zero.
    student = torch.tensor([[1.0, -1.0, 0.0]], requires_grad=True)
    teacher = torch.tensor([[0.5, 0.0, -0.5]])
    classifier = Softmax(3, 3, seed=0)
    with torch.no_grad():
        classifier.weight.copy_(torch.eye(3))
    HintonKD(classifier, teacher, torch.tensor([0]), temperature=1000, weight=1)(
        student, torch.tensor([0])
    ).total.backward()
    assert torch.allclose(student.grad, (student - teacher).detach() / 3, atol=1e-3)


def test_a_student_equal_to_its_teacher_has_no_loss_and_names_every_image():
    teacher = random(20, 8)
    for make in TAUGHT:
        loss = make(teacher)(teacher, torch.arange(20))
        assert loss.total.item() < 1e-5
        assert torch.equal(loss.logits.argmax(1), torch.arange(20))


def test_a_weighted_sum_adds_totals_and_keeps_every_part():
    teacher, student, labels = random(6, 4), random(5, 4, seed=1), torch.arange(5)
    cosine, relational = CosineDistillation(teacher), RelationalDistillation(teacher)
    loss = WeightedSum((2.0, cosine), (0.5, relational), (1.0, CosineDistillation(-teacher)))(student, labels)
    one, two = cosine(student, labels), relational(student, labels)
    opposite = 2 - one.total  # 1 + cos in place of 1 - cos
    assert loss.total.item() == pytest.approx((2 * one.total + 0.5 * two.total + opposite).item())
    assert set(loss.parts) == {"cosine", "distance", "angle", "cosine 3"}
    assert torch.equal(loss.logits, one.logits)


def test_the_teacher_is_not_in_the_state_and_its_sum_is_in_the_description():
    criterion, other = CosineDistillation(random(5, 3)), CosineDistillation(random(5, 3, seed=1))
    assert not criterion.state_dict()
    assert repr(criterion) != repr(other)


def test_gradients_by_finite_differences():
    labels = torch.tensor([1, 0, 3])
    for make in TAUGHT:
        criterion = make(random(4, 3)).double()
        embeddings = random(3, 3, seed=2).double().requires_grad_()
        assert torch.autograd.gradcheck(lambda x, c=criterion: c(x, labels).total, embeddings)


@pytest.mark.parametrize("make", TAUGHT)
@pytest.mark.parametrize(
    ("teacher", "message"),
    [
        (torch.zeros(0, 3), r"shape \(0, 3\); expected finite numbers \(M, D\)"),
        (torch.ones(3), r"shape \(3,\)"),
        (torch.tensor([[1.0, math.nan]]), "expected finite numbers"),
        (torch.tensor([[1.0, 0.0], [0.0, 0.0]]), "row 1 of the teacher's embeddings is zero"),
    ],
)
def test_a_broken_teacher_is_refused(make, teacher, message):
    with pytest.raises(ValueError, match=message):
        make(teacher)


def test_bad_batches_and_options_are_refused():
    teacher = random(4, 3)
    with pytest.raises(ValueError, match="embeddings have 5 numbers and the teacher's 3; create the student with"):
        CosineDistillation(teacher)(random(2, 5), torch.tensor([0, 1]))
    for make in TAUGHT:
        with pytest.raises(ValueError, match=r"label 4 at index 1 is out of range; expected 0\.\.3"):
            make(teacher)(random(3, 3), torch.tensor([0, 4, 1]))
        with pytest.raises(ValueError, match="the batch is empty"):
            make(teacher)(random(0, 3), torch.zeros(0, dtype=torch.int64))
    with pytest.raises(ValueError, match=r"the batch has 2 image\(s\); an angle needs at least 3"):
        RelationalDistillation(teacher)(random(2, 3), torch.tensor([0, 1]))
    with pytest.raises(ValueError, match="distance_weight is -1"):
        RelationalDistillation(teacher, distance_weight=-1)
    with pytest.raises(ValueError, match="there is no criterion to sum"):
        WeightedSum()
    with pytest.raises(ValueError, match="a weight is -1"):
        WeightedSum((-1.0, CosineDistillation(teacher)))


@pytest.mark.parametrize(
    ("logits", "labels", "options", "message"),
    [
        (random(3, 4), torch.zeros(3, dtype=torch.int64), {}, r"shape \(3, 4\); this criterion expects \(N, 2\)"),
        (random(3, 2), torch.tensor([0, 1]), {}, r"expected torch.int64 of shape \(3,\)"),
        (random(3, 2), torch.tensor([0, 1, 2]), {}, "label 2 at index 2"),
        (random(3, 2), torch.tensor([0, 1, 1]), {"temperature": 0.0}, "temperature is 0.0"),
        (random(3, 2), torch.tensor([0, 1, 1]), {"weight": 1.5}, "weight is 1.5; expected 0 to 1"),
    ],
)
def test_bad_options_of_kd_are_refused(logits, labels, options, message):
    with pytest.raises(ValueError, match=message):
        HintonKD(Softmax(4, 2), logits, labels, **options)


def test_the_logits_of_relations_compare_cosines_to_the_batch():
    teacher, student, labels = random(6, 4), random(3, 2, seed=1), torch.tensor([4, 0, 5])
    criterion = RelationalDistillation(teacher)
    logits = criterion(student, labels).logits
    cosine = torch.nn.functional.cosine_similarity
    for i in range(3):
        for image in range(6):
            ours = torch.stack([cosine(student[i], student[j], dim=0) for j in range(3)])
            theirs = torch.stack([cosine(teacher[image], teacher[labels[j]], dim=0) for j in range(3)])
            assert logits[i, image].item() == pytest.approx(-float((ours - theirs).square().sum()), abs=1e-5)
    assert not logits.requires_grad


def test_relations_are_weighed_as_in_the_paper_unless_it_is_said():
    teacher, student, labels = random(6, 4), random(3, 2, seed=1), torch.tensor([4, 0, 5])
    criterion = RelationalDistillation(teacher)
    loss = criterion(student, labels)
    parts = loss.parts
    assert loss.total.item() == pytest.approx((25 * parts["distance"] + 50 * parts["angle"]).item())
    assert (
        not parts["distance"].requires_grad and not parts["angle"].requires_grad and loss.total.requires_grad is False
    )
    assert repr(criterion).endswith("distance_weight=25.0, angle_weight=50.0)")
    for weights, column in (((1, 0), "distance"), ((0, 1), "angle")):
        only = RelationalDistillation(teacher, distance_weight=weights[0], angle_weight=weights[1])(student, labels)
        assert only.total.item() == pytest.approx(parts[column].item())


@pytest.mark.parametrize("name", ["distance_weight", "angle_weight"])
def test_relations_refuse_negative_weights_and_too_few_images(name: str):
    with pytest.raises(ValueError, match=f"{name} is -1"):
        RelationalDistillation(random(3, 2), **{name: -1})
    with pytest.raises(ValueError, match=r"the batch has 2 image\(s\); an angle needs at least 3"):
        RelationalDistillation(random(3, 2))(random(2, 2), torch.tensor([0, 1]))


def test_of_points_in_one_place_all_distances_are_nothing():
    points = torch.ones(3, 2)
    assert relative_distances(points).tolist() == [[0.0] * 3] * 3 and angles(points).tolist() == [[[0.0] * 3] * 3] * 3
    apart = relative_distances(torch.tensor([[0.0], [1.0], [3.0]]))
    assert torch.allclose(apart, torch.tensor([[0.0, 1, 3], [1, 0, 2], [3, 2, 0]]) / 2)  # their mean is 2
