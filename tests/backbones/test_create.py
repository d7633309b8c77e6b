from __future__ import annotations

import pytest

from course_lib import backbones


def test_everything_available_can_be_created():
    assert backbones.available() == ["lenet_plus_plus", "mobilefacenet"]
    for name in backbones.available():
        assert backbones.create(name).embedding_dim > 0


def test_unknown_names_and_options_are_named():
    with pytest.raises(ValueError, match="'resnet' is not known; available: lenet_plus_plus, mobilefacenet"):
        backbones.create("resnet")
    with pytest.raises(TypeError, match="has no option depth; its options are feature_dim, width"):
        backbones.create("lenet_plus_plus", depth=3)
