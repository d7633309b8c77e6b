"""Download CelebA, aligned: 202,599 photographs of 10,177 people, arranged as IDENTITY/IMAGE.jpg (1.5 GB)."""

from __future__ import annotations

import shutil
import sys
import zipfile
from pathlib import Path, PurePosixPath

from fetch import Dataset, Piece, RemoteFile, command_line, run
from tqdm import tqdm
from unpack import UnpackError, readable, zip_files

DRIVE = "https://drive.usercontent.google.com/download?id={}&export=download&confirm=t"

# Name, Google Drive id and md5 as torchvision states them, bytes. The archive first, then who is on which image.
FILES = tuple(
    RemoteFile(name, (DRIVE.format(drive_id),), f"md5:{md5}", size)
    for name, drive_id, md5, size in (
        ("img_align_celeba.zip", "0B7EVK8r0v71pZjFTYXZWM3FlRnM", "00d2c5bc6d35e252742224ab0c1e8fcb", 1_443_490_838),
        ("identity_CelebA.txt", "1_ee_0u7vcNLOfNLegJRHmolfH5ICW-XS", "32bd1bd63d3c78cd57e08160ec5ed1e2", 3_424_458),
        ("list_attr_celeba.txt", "0B7EVK8r0v71pblRyaVFSWGxPY0U", "75e246fa4810816ffd6ee81facbd244c", 26_721_026),
        ("list_bbox_celeba.txt", "0B7EVK8r0v71pbThiMVRxWXZ4dU0", "00566efa6fedff7a56946cd1c10f1c16", 6_082_035),
        (
            "list_landmarks_align_celeba.txt",
            "0B7EVK8r0v71pd0FJY3Blby1HUTQ",
            "cc24ecafdb5b50baae59b03474781f8c",
            12_156_055,
        ),
        ("list_eval_partition.txt", "0B7EVK8r0v71pY0NSMzRuSXJEVkk", "d32c9cbf5e040fd4025c592c306e6668", 2_836_386),
    )
)


def arrange(folder: Path, archive: Path, identities: Path, *annotations: Path) -> None:
    """Write the images to ``folder/celeba/IDENTITY/IMAGE.jpg``, the annotations beside them; print what did not fit.

    Raises:
        UnpackError: a bad line, two identities for one image, or an unsafe or damaged archive.
    """
    target = folder / "celeba"
    person_of, listed_twice = read_identities(identities)
    placed: set[str] = set()
    unlisted = twice = 0
    with readable(archive), zipfile.ZipFile(archive) as opened:
        for member in tqdm(zip_files(opened), desc="arranging", unit=" images", disable=None):
            image = PurePosixPath(member.filename).name
            unlisted += image not in person_of
            twice += image in placed
            if image not in person_of or image in placed:
                continue
            path = target / person_of[image] / image
            path.parent.mkdir(parents=True, exist_ok=True)
            with opened.open(member) as source, open(path, "wb") as file:
                shutil.copyfileobj(source, file)
            placed.add(image)
    if not placed:
        raise UnpackError(f"{archive} holds no image that {identities.name} lists; expected names such as 000001.jpg")
    for text in (identities, *annotations):
        shutil.copyfile(text, target / text.name)
    people = len({person_of[image] for image in placed})
    print(
        f"{len(placed):,} images of {people:,} people. Left out: {unlisted:,} files without an identity, {twice:,} that"
        f" are twice in the archive. {identities.name} lists {listed_twice:,} images twice and"
        f" {len(person_of) - len(placed):,} that are missing."
    )


def read_identities(path: Path) -> tuple[dict[str, str], int]:
    """The person of each image from lines ``IMAGE IDENTITY``, and how many lines repeat an earlier one."""
    person_of: dict[str, str] = {}
    repeated = 0
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        image, _, person = line.strip().partition(" ")
        if not person.strip().isdecimal():
            raise UnpackError(
                f"{path}, line {number}: {line!r}; expected an image and its identity, such as 000001.jpg 2880"
            )
        if person_of.setdefault(image, person.strip()) != person.strip():
            raise UnpackError(f"{path}, line {number}: {image} is {person.strip()}, but was {person_of[image]} before")
        repeated += 1
    return person_of, repeated - len(person_of)


CELEBA = Dataset(
    name="CelebFaces Attributes (CelebA), aligned and cropped",
    folder="celeba",
    page="http://mmlab.ie.cuhk.edu.hk/projects/CelebA.html",
    terms=(
        "Photographs of celebrities from the web (MMLAB, The Chinese University of Hong Kong).\n"
        "Licence: for non-commercial research only. Do not sell, publish or pass on any part of it; copies may be\n"
        "made only inside one organisation at one site. MMLAB does not own the photographs and may end your access.\n"
        "Cite: Liu, Luo, Wang and Tang, Deep learning face attributes in the wild, ICCV 2015."
    ),
    pieces=(Piece("celeba", FILES, arrange, expected=202_599),),
    read_with='course_lib.data.face_folder("{root}/celeba")',
    faces=True,
)

if __name__ == "__main__":
    sys.exit(run(CELEBA, command_line(__doc__).parse_args()))
