from __future__ import annotations

import subprocess
import sys

import pytest

from course_lib import backbones


def test_available_lists_every_family_in_alphabetical_order():
    names = backbones.available()
    assert names == sorted(names)
    families = {"lenet_plus_plus", "mobilefacenet", "mobiface", "mobilenet_v1", "mobilenet_v2", "shufflenet"}
    assert families <= set(names)


def test_unknown_names_and_options_are_named():
    for call in (backbones.create, backbones.describe):
        with pytest.raises(ValueError, match="'resnet' is not known; available: .*mobilefacenet, mobilefacenet_m"):
            call("resnet")
    with pytest.raises(TypeError, match="has no option depth; its options are feature_dim, width"):
        backbones.create("lenet_plus_plus", depth=3)


def test_the_options_of_a_variant_are_defaults():
    assert backbones.create("mobilefacenet_m", width=0.25).embedding_dim == 512
    assert backbones.create("mobilefacenet_m", width=0.25, embedding_dim=64).embedding_dim == 64


@pytest.mark.slow
def test_the_import_is_light():
    """torchvision's models take seconds to import; networks that wrap one import it when they are built."""
    code = "import sys, course_lib.backbones; print('torchvision' in sys.modules)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "False"
