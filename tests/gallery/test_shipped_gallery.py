"""From photographs to names, with the model that the course ships."""

from __future__ import annotations

import datetime

import numpy as np
import pytest
import torch

from course_lib import data, weights
from course_lib.alignment import MTCNN
from course_lib.gallery import Consent, Gallery

CONSENT = Consent(by="AT&T Laboratories", purpose="research", date=datetime.date(1994, 4, 1))


@pytest.mark.slow
def test_people_are_found_again_and_strangers_are_not(tmp_path):
    orl = data.orl_faces()
    of_person = orl.images.reshape(40, 10, *orl.images.shape[1:])
    gallery = Gallery(weights.load("mobilefacenet_075_relu"), MTCNN(), tmp_path / "orl.gallery")
    for person in range(8):
        gallery.enrol(orl.names[person], list(of_person[person, :2]), consent=CONSENT)
    found = gallery.calibrate(0.05, data.ImageSet(of_person[8:28, 0], torch.arange(20), orl.names[8:28], orl.source))
    assert found.searches == 20 and found.accepted == 1 and 0.3 < found.threshold < 0.8
    probes = [(orl.names[person], of_person[person, shot]) for person in range(8) for shot in (4, 8)]
    faces = gallery.identify_many([image for _, image in probes])
    assert all(len(in_one) == 1 for in_one in faces)
    assert np.mean([in_one[0].nearest == name for (name, _), in_one in zip(probes, faces, strict=True)]) == 1
    assert np.mean([in_one[0].name == name for (name, _), in_one in zip(probes, faces, strict=True)]) > 0.8
    strangers = gallery.identify_many(list(of_person[28:40, 0]))
    assert np.mean([in_one[0].name is None for in_one in strangers]) > 0.8


def test_a_group_is_identified(tmp_path):
    orl = data.orl_faces()
    gallery = Gallery(weights.load("mobilefacenet_075_relu"), MTCNN(), tmp_path / "orl.gallery")
    for person in (0, 1, 2):
        gallery.enrol(orl.names[person], orl.images[10 * person], consent=CONSENT)
    group = torch.nn.functional.pad(torch.cat([orl.images[10 * person + 5] for person in (2, 0, 9)], dim=2), (10,) * 4)
    faces = sorted(gallery.identify(group, threshold=0.6), key=lambda face: face.box[0])
    assert [face.name for face in faces] == ["s3", "s1", None]
    for place, face in enumerate(faces):
        left = 10 + 92 * place
        assert left < face.landmarks[:, 0].mean() < left + 92
