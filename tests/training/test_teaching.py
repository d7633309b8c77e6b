from __future__ import annotations

import numpy as np
import pytest
import torch

from course_lib.data import RandomFlip, RandomShift
from course_lib.losses import HintonKD, Softmax
from course_lib.training import embed, fingerprint, fit, teacher_embeddings, views


def test_views_keep_the_originals_and_number_everything(stripes):
    pictures = views(stripes, RandomShift(1), 2, seed=5)
    n = len(stripes)
    assert len(pictures) == 3 * n and torch.equal(pictures.labels, torch.arange(3 * n))
    assert torch.equal(pictures.images[:n], stripes.images)
    assert not torch.equal(pictures.images[n : 2 * n], pictures.images[2 * n :])
    again = views(stripes, RandomShift(1), 2, seed=5)
    assert torch.equal(again.images, pictures.images)
    assert torch.equal(views(stripes, RandomShift(1), 0).images, stripes.images)
    assert pictures.source == stripes.source and pictures.names == tuple(str(number) for number in range(3 * n))
    usual = views(stripes, RandomShift(1), 2)
    assert torch.equal(usual.images, views(stripes, RandomShift(1), 2, seed=0, batch_size=256).images)
    assert not torch.equal(usual.images, pictures.images)
    with pytest.raises(ValueError, match="copies is -1"):
        views(stripes, RandomFlip(), -1)


def test_the_copies_are_versions_of_their_own_image(stripes):
    pictures = views(stripes, RandomFlip(0.5), 1, batch_size=7)
    copies = pictures.images[len(stripes) :]
    same = (copies == stripes.images).flatten(1).all(1)
    mirrored = (copies == stripes.images.flip(-1)).flatten(1).all(1)
    assert (same | mirrored).all() and mirrored.any() and same.any()


def test_a_cache_gives_what_the_teacher_gave(tiny_net, stripes, tmp_path):
    cache = tmp_path / "folder" / "teacher.safetensors"
    expected = embed(tiny_net, stripes, flip=True)
    assert np.array_equal(teacher_embeddings(tiny_net, stripes), expected)
    assert np.array_equal(teacher_embeddings(tiny_net, stripes, cache), expected)

    written = cache.stat().st_mtime_ns
    tiny_net.register_forward_hook(lambda *_: pytest.fail("the teacher was asked again"))
    assert np.array_equal(teacher_embeddings(tiny_net, stripes, cache), expected)
    assert cache.stat().st_mtime_ns == written and [file.name for file in cache.parent.iterdir()] == [cache.name]


def test_another_teacher_another_crop_or_another_flip_is_refused(tiny_net, stripes, tmp_path):
    cache = tmp_path / "teacher.safetensors"
    teacher_embeddings(tiny_net, stripes, cache)
    with pytest.raises(ValueError, match="another set of images; give another cache"):
        teacher_embeddings(tiny_net, stripes.images.flip(-2), cache)
    with pytest.raises(ValueError, match="another flip"):
        teacher_embeddings(tiny_net, stripes, cache, flip=False)
    tiny_net.out.bias.data[0] += 1
    with pytest.raises(ValueError, match="another teacher"):
        teacher_embeddings(tiny_net, stripes, cache)
    cache.write_bytes(b"no cache")
    with pytest.raises(ValueError, match="is no cache of embeddings"):
        teacher_embeddings(tiny_net, stripes, cache)


def test_a_fingerprint_tells_weights_and_structure_apart(tiny_net):
    before = fingerprint(tiny_net)
    assert fingerprint(tiny_net) == before
    tiny_net.norm.running_mean[0] += 1
    changed = fingerprint(tiny_net)
    tiny_net.dropout = torch.nn.Dropout(0.5)
    assert len({before, changed, fingerprint(tiny_net)}) == 3


def test_fit_counts_hits_by_the_classes_that_the_criterion_names(tiny_net, stripes):
    # The labels given are image numbers; the logits are about the classes.
    teacher = torch.nn.functional.one_hot(stripes.labels, 5) * 9.0
    criterion = HintonKD(Softmax(5, 5, seed=0), teacher, stripes.labels)
    optimizer = torch.optim.Adam([*tiny_net.parameters(), *criterion.parameters()], 1e-2)
    history = fit(tiny_net, criterion, stripes.numbered(), optimizer=optimizer, epochs=12, batch_size=30)
    assert history.last["accuracy"] > 0.9 and history["kd"][-1] < history["kd"][0]
