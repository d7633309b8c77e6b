from __future__ import annotations

from benchmarks.transfer_orl import SOURCES, TASK, plan
from benchmarks.transfer_setup import questions


def test_no_setup_comes_twice_and_every_source_is_tried_in_every_way():
    setups = plan(list(SOURCES))
    assert len(setups) == len(set(setups))
    for name, source in SOURCES.items():
        of = [setup for setup in setups if setup.source == name]
        assert {setup.network for setup in of} == {source.network}
        assert {setup.freeze for setup in of} == {"none", "half", "all"}
        assert {setup.photographs for setup in of} == {1, 2, 5}
    assert not any(setup.source == "CIFAR-10" for setup in plan(["digits", "ImageNet"]))


def test_every_comparison_finds_both_its_runs():
    setups = plan(list(SOURCES))
    asked = list(questions(TASK, setups))
    names = [name for name, *_ in asked]
    assert len(names) == len(set(names))
    assert all(one in setups and other in setups for _, (one, _), (other, _) in asked)
    for name in (
        "MobiFace, from digits - from nothing",
        "EfficientNet-Lite0, from ImageNet, gently - at the full rate",
        "MobiFace, from CIFAR-10, gently, frozen - all trained",
        "MobiFace, 0.3, plateau, 3 times as long - at 0.3 throughout",
        "MobiFace, 1 of each - HOG, linear SVM",
        "MobiFace, 2 of each, near copies, 3 times as long: the test that leaks - another",
        "MobiFace, 5 people: by cosine - by the classifier",
    ):
        assert name in names
