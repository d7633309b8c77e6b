from __future__ import annotations

import pytest
import torch

from course_lib.data import ImageSet, orl_faces


@pytest.fixture(autouse=True)
def _quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TQDM_DISABLE", "1")


@pytest.fixture(scope="session")
def orl_squares() -> ImageSet:
    """Three photographs of each of twelve people. ORL is not aligned: the square around the face stands in for it."""
    orl = orl_faces()
    chosen = orl.subset([10 * person + number for person in range(12) for number in range(3)])
    crops = chosen.images[:, :, 10:102].repeat(1, 3, 1, 1)
    return ImageSet(crops, chosen.labels, chosen.names, chosen.source).resized(112, 112)


@pytest.fixture(scope="session")
def orl_pairs() -> list[tuple[int, int, bool]]:
    """All 36 genuine pairs of those photographs, and as many impostor pairs, none of them twice."""
    genuine = [(3 * who + a, 3 * who + b, True) for who in range(12) for a, b in ((0, 1), (0, 2), (1, 2))]
    generator = torch.Generator().manual_seed(0)
    impostor: dict[tuple[int, int], None] = {}
    while len(impostor) < 36:
        a, b = sorted(torch.randint(36, (2,), generator=generator).tolist())
        if a // 3 != b // 3:
            impostor[a, b] = None
    return genuine + [(a, b, False) for a, b in impostor]
