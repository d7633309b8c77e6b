"""Basch et al.: Inception, MobiFace and DeepFace, made small and trained on 20,000 photographs of CelebA."""

from __future__ import annotations

from functools import partial
from math import log10

from torch import nn

from course_lib.audit.claim import Claim, number, statement
from course_lib.audit.expected import above, at_least, below, between
from course_lib.audit.networks import parameters
from course_lib.evaluation import wilson

PAPER, TABLE, PEOPLE = "Basch et al.", "Table 1", "about 7,000 people"
IMAGES, TRAIN, TEST = 20_000, 15_000, 5_000
WITH_CLASSIFIER = {"Inception v3": 40.1e6, "MobiFace": 738e6, "DeepFace": 157e6}
DEEPFACE_FEATURES = 127e6
IMAGENET_CLASSIFIER = 2048 * 1000 + 1000
FLATTENED = 14 * 14 * 512  # MobiFace's last map for images of 224x224


def inception(auxiliary_head: bool, classifier: bool) -> int:
    """Parameters of Inception v3 with ImageNet's 1,000 classes, with or without each of its two classifiers."""
    whole = parameters("inception_v3", embedding_dim=1000, auxiliary_head=auxiliary_head)
    return whole - (0 if classifier else IMAGENET_CLASSIFIER)


def inception_without_classifier() -> dict[str, float]:
    """Inception v3 without its last layer."""
    return {
        "no auxiliary head either": inception(False, classifier=False),
        "auxiliary head kept": inception(True, classifier=False),
    }


def named_inception() -> dict[str, float]:
    """What "Inception ResNet v3", of which there is none, may mean."""
    return {
        "Inception-ResNet-v1": parameters("inception_resnet_v1"),
        "Inception v3, no classifiers": inception(False, classifier=False),
        "Inception v3, auxiliary head kept": inception(True, classifier=False),
        "Inception v3, whole": inception(True, classifier=True),
    }


def classes(network: str) -> dict[str, float]:
    """How many people a printed total means, if each has one weight for every feature, and a bias."""
    total = WITH_CLASSIFIER[network]
    if network == "Inception v3":
        return {
            "2,048 features, auxiliary head kept": (total - inception(True, classifier=False)) / 2049,
            "2,048 features, no auxiliary head": (total - inception(False, classifier=False)) / 2049,
        }
    if network == "DeepFace":
        return {"4,096 features": (total - DEEPFACE_FEATURES) / 4097}
    body = parameters("mobiface_one_each")
    return {
        "flattened map of a 224x224 image": (total - body) / (FLATTENED + 1),
        "flattened map of a 112x112 image": (total - body) / (FLATTENED / 4 + 1),
        "averaged map": (total - body) / 513,
    }


def disagreement() -> dict[str, float]:
    """Between the numbers of people that the three rows mean, in per cent of the smallest."""
    found = [next(iter(classes(network).values())) for network in WITH_CLASSIFIER]
    return {"largest over smallest": 100 * (max(found) / min(found) - 1)}


def people() -> dict[str, float]:
    """How many there are, as the text says and as Table 1 means."""
    return {PEOPLE: 7000.0, "as many as 738M means": next(iter(classes("MobiFace").values()))}


def images_a_person(images: int) -> dict[str, float]:
    """On average."""
    return {said: images / n_people for said, n_people in people().items()}


def large_models() -> dict[str, float]:
    """The share with over 100 million parameters, in per cent, as far as a sample of five networks tells it."""
    names = ("deepface", "inception_resnet_v1", "iresnet100", "mobiface_gdconv", "mobilefacenet")
    interval = wilson(sum(parameters(name) > 100e6 for name in names), len(names))
    return {"low end": 100 * interval.low, "high end": 100 * interval.high}


def training_bytes() -> dict[str, float]:
    """Weights, gradients and momentum of MobiFace under a classifier, 4 bytes each, without any activation."""
    return {"flattened map": 3 * 4 * WITH_CLASSIFIER["MobiFace"]}


def ceilings() -> dict[str, float]:
    """The most test images that a classifier can get right, in per cent.

    It cannot name who is missing in the training images. If images are parted at random, all k - 1 others of a test
    image's person are in the test too with a chance of (1/4)^(k - 1). Here people have two or three images each, as
    even as can be; any other spread loses more. If everybody is put in both parts on purpose, nothing is lost.
    """
    found = {"everybody in both parts": 100.0}
    for said, n_people in people().items():
        few, n_more = divmod(IMAGES, round(n_people))  # images of each, and how many people have one more
        missing = TEST / IMAGES
        lost = few * (round(n_people) - n_more) * missing ** (few - 1) + (few + 1) * n_more * missing**few
        found[f"parted at random, {said}"] = 100 * (1 - lost / IMAGES)
    return found


def learned_in_place_of_local_layers() -> dict[str, float]:
    """Parameters of the normalisation that stands in for DeepFace's locally connected layers."""
    return {"LocalResponseNorm": sum(p.numel() for p in nn.LocalResponseNorm(5).parameters())}


def above_chance() -> dict[str, float]:
    """Low end of the interval of 20 % of the test images, over guessing among all people."""
    low = 100 * wilson(TEST // 5, TEST).low
    return {said: low / (100 / n_people) for said, n_people in people().items()}


CLAIMS: tuple[Claim, ...] = (
    number(
        PAPER,
        TABLE,
        "Inception v3 without classification layer",
        "27M",
        inception_without_classifier,
        lambda: {"with both of ImageNet's classifiers": inception(auxiliary_head=True, classifier=True)},
    ),
    number(
        PAPER,
        TABLE,
        "MobiFace without classification layer",
        "0.77M",
        lambda: {"body": parameters("mobiface_one_each")},
    ),
    number(
        PAPER,
        TABLE,
        "DeepFace without classification layer",
        "127M",
        lambda: {"152x152": parameters("deepface"), "152x152, normalised": parameters("deepface_lrn")},
        lambda: {f"{side}x{side}": parameters("deepface", input_size=side) for side in range(144, 185, 2)},
    ),
    *(
        number(
            PAPER,
            TABLE,
            f"{network} with classification layer, {total / 1e6:g}M: people it means",
            "7 thousand",
            partial(classes, network),
        )
        for network, total in WITH_CLASSIFIER.items()
    ),
    statement(PAPER, TABLE, "the three rows mean the same number of people", below("1 %"), disagreement),
    number(PAPER, "Section 1", "Inception ResNet v3 has around 25 million", "25 million", named_inception),
    statement(
        PAPER,
        "Section 1",
        "MobiFace has fewer than 4 million (with a head that gives its 2.3M)",
        below("4 million"),
        lambda: {head: parameters("mobiface", head=head) for head in ("gdconv", "gap")},
    ),
    statement(
        PAPER,
        "Section 1",
        "DeepFace has over 120 million",
        above("120 million"),
        lambda: {"4,030 people": parameters("deepface") + 4097 * 4030},
    ),
    statement(
        PAPER,
        "Section 1",
        "most leading models have over 100 million (share, from the five that are built here)",
        above("50 %"),
        large_models,
    ),
    statement(
        PAPER,
        "Section 2",
        "MobiFace's own version is smaller by an order of magnitude (orders, at least)",
        at_least("1"),
        lambda: {"738M over 2.3M": log10(WITH_CLASSIFIER["MobiFace"] / parameters("mobiface", head="gdconv"))},
    ),
    statement(PAPER, "Section 2", "it does not fit a card of 8 GB in training", above("8 GB"), training_bytes),
    statement(PAPER, "Section 1", "2 to 3 images a person", between("2", "3"), lambda: images_a_person(IMAGES)),
    number(PAPER, "Section 3", "two training images a person on average", "2", lambda: images_a_person(TRAIN)),
    statement(
        PAPER,
        "Section 3",
        "nearly 100 % of the test images are named (the most that can be)",
        at_least("99 %"),
        ceilings,
    ),
    statement(
        PAPER, "Section 3", "MobiFace, pretrained on objects, learns: 20 % (times guessing)", above("1"), above_chance
    ),
    statement(
        PAPER,
        "Section 3",
        "local response norm builds a locally connected layer (parameters it learns)",
        above("0"),
        learned_in_place_of_local_layers,
    ),
)
