from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from course_lib.data import lfw, lfw_pairs
from course_lib.data.lfw import lfw_files, lfw_listed


def write_lfw(root: Path, folder: str = "lfw-deepfunneled") -> None:
    """Five photographs of three people in LFW's layout, and a list of one genuine and one impostor pair."""
    for value, photograph in enumerate(["Ann_Lee_0001", "Ann_Lee_0002", "Bob_0001", "Bob_0003", "Cy_0001"]):
        path = root / folder / photograph[:-5] / f"{photograph}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (250, 250), (50 * value,) * 3).save(path)
    (root / "pairsDevTest.txt").write_text("1\nAnn_Lee\t1\t2\nBob\t3\tCy\t1\n")


@pytest.mark.parametrize("folder", ["lfw-deepfunneled", "lfw_funneled", "lfw"])
def test_photographs_and_pairs_agree(tmp_path, folder):
    write_lfw(tmp_path, folder)
    faces, pairs = lfw(tmp_path, size=(28, 24)), lfw_pairs(tmp_path)
    assert faces.images.shape == (5, 3, 28, 24) and faces.names == ("Ann_Lee", "Bob", "Cy")
    assert faces.labels.tolist() == [0, 0, 1, 1, 2]
    assert pairs.left.tolist() == [0, 3] and pairs.right.tolist() == [1, 4] and pairs.same.tolist() == [True, False]
    assert [int(v) for v in faces.images[pairs.right].float().mean((1, 2, 3)).round()] == [50, 200]


def test_the_crop_is_where_it_says(tmp_path):
    write_lfw(tmp_path)
    image = Image.new("RGB", (250, 250))
    image.paste((255, 255, 255), (75, 40, 175, 140))  # left, top, right, bottom
    image.save(tmp_path / "lfw-deepfunneled/Bob/Bob_0001.jpg", quality=95)
    assert lfw(tmp_path, crop=(40, 75, 100), size=(100, 100)).images[2].float().mean() > 250
    assert lfw(tmp_path, crop=None, size=(25, 25), colour=False).images[2, 0, 9, 12] > 250


def test_view_2_has_folds_in_its_first_line(tmp_path):
    write_lfw(tmp_path)
    (tmp_path / "pairs.txt").write_text("2\t1\nAnn_Lee\t1\t2\nBob\t3\tCy\t1\nBob\t1\t3\nAnn_Lee\t1\tBob\t1\n")
    assert lfw_pairs(tmp_path, view="view2").same.tolist() == [True, False, True, False]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1\nAnn_Lee\t1\t2\nBob\t3\tCy\n", r"pairsDevTest\.txt, line 3: 'Cy' is not an image number"),
        ("1\nAnn_Lee\t1\nBob\t3\tCy\t1\n", r"line 2: .* has 2 fields; expected NAME i j, or NAME i OTHER j"),
        (
            "1\nAnn_Lee\t1\t9\nBob\t3\tCy\t1\n",
            r"line 2: the photograph Ann_Lee_0009\.jpg is not there; looked for Ann_Lee/.* with .*\.png, .*funneled",
        ),
        ("2\nAnn_Lee\t1\t2\nBob\t3\tCy\t1\n", "holds 2 pairs, but its first line announces 4"),
        ("Ann_Lee\t1\t2\nBob\t3\tCy\t1\n", "line 1: .* expected the number of pairs"),
        ("", "line 1"),
        ("0\n", "holds no pair"),
        ("1\nAnn_Lee\t1\t\u00b2\nBob\t3\tCy\t1\n", "line 2: '\u00b2' is not an image number"),
        ("\u00b2\nAnn_Lee\t1\t2\nBob\t3\tCy\t1\n", "line 1: .* expected the number of pairs"),
        (f"1\nAnn_Lee\t1\t{'9' * 4000}\nBob\t3\tCy\t1\n", "is not an image number"),
    ],
)
def test_a_bad_list_is_refused(tmp_path, text, message):
    write_lfw(tmp_path)
    (tmp_path / "pairsDevTest.txt").write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=message):
        lfw_pairs(tmp_path)


def test_what_is_not_read_is_counted_and_named(tmp_path):
    write_lfw(tmp_path)
    folder = tmp_path / "lfw-deepfunneled"
    assert lfw(tmp_path, size=(8, 8)).passed_over == () and lfw(tmp_path, size=(8, 8)).source.endswith("deepfunneled")
    for name in ("Bob/old/Bob_0002.jpg", "Bob_0004.jpg", "Cy/notes.txt", ".old/Cy_0002.jpg", "__MACOSX/._Cy_0001.jpg"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(b"x")
    faces = lfw(tmp_path, size=(8, 8))
    assert len(faces) == 5 and faces.names == ("Ann_Lee", "Bob", "Cy") and len(lfw_files(tmp_path)) == 5
    assert {(Path(entry).relative_to(folder).as_posix(), reason) for entry, reason in faces.passed_over} == {
        (".old", "hidden"),
        ("Bob_0004.jpg", "an image beside the folders of the identities"),
        ("Bob/old", "a folder inside an identity's"),
        ("Cy/notes.txt", "no image by its suffix"),
    }
    assert "(1 files that are no images passed over; not read: " in faces.source


def test_what_is_missing_is_named(tmp_path, monkeypatch):
    with pytest.raises(FileNotFoundError, match=r"holds none of the folders lfw-deepfunneled.*get_lfw\.py"):
        lfw(tmp_path)
    write_lfw(tmp_path)
    with pytest.raises(FileNotFoundError, match=r"pairsDevTrain\.txt is not there"):
        lfw_pairs(tmp_path, view="dev_train")
    with pytest.raises(ValueError, match="'view3' is not known; expected one of dev_train, dev_test, view2"):
        lfw_pairs(tmp_path, view="view3")
    monkeypatch.setenv("COURSE_DATA", str(tmp_path))
    with pytest.raises(FileNotFoundError, match="lfw"):
        lfw()


def test_a_photograph_too_small_to_crop_is_named(tmp_path):
    write_lfw(tmp_path)
    Image.new("RGB", (90, 90)).save(tmp_path / "lfw-deepfunneled/Bob/Bob_0001.jpg")
    with pytest.raises(ValueError, match=r"Bob_0001\.jpg is 90x90, too small for the crop of 120 pixels"):
        lfw(tmp_path)


def test_crops_of_the_photographs_are_found_by_the_same_list(tmp_path):
    write_lfw(tmp_path)
    folder, names = tmp_path / "lfw-deepfunneled", ("Ann_Lee_0001.png", "Ann_Lee_0002.jpg.png", "Bob_0001.JPEG")
    published = lfw_pairs(tmp_path)
    for file, name in zip(sorted(folder.glob("*/*")), names, strict=False):
        file.rename(file.with_name(name))
    (folder / "Cy/._Cy_0001.jpg").write_bytes(b"a shadow that macOS leaves on other disks")
    pairs = lfw_pairs(tmp_path)
    assert pairs.left.tolist() == published.left.tolist() and pairs.right.tolist() == published.right.tolist()
    assert len(lfw(tmp_path, size=(28, 24)).images) == 5


def test_a_photograph_and_its_crop_side_by_side_are_refused(tmp_path):
    write_lfw(tmp_path)
    Image.new("RGB", (112, 112)).save(tmp_path / "lfw-deepfunneled/Bob/Bob_0003.png")
    with pytest.raises(ValueError, match=r"line 3: .*Bob_0003\.jpg and .*Bob_0003\.png are both called Bob_0003"):
        lfw_pairs(tmp_path)


def test_a_missing_photograph_can_be_left_to_whoever_reads_it(tmp_path):
    write_lfw(tmp_path)
    folder = tmp_path / "lfw-deepfunneled"
    (folder / "Bob/Bob_0003.jpg").unlink()
    files, pairs = lfw_listed(tmp_path / "pairsDevTest.txt", lfw_files(tmp_path), folder)
    assert files[pairs.left[1]] == folder / "Bob/Bob_0003.jpg" and pairs.left[1] == 4
    assert files[pairs.right[1]].name == "Cy_0001.jpg" and files[:4] == lfw_files(tmp_path)


@pytest.mark.parametrize(
    "first", ["x" * 3000, "x" * 5_000_000, "9" * 3000, "9" * 5000, "10 " + "9" * 3000, "1\t" * 2000]
)
@pytest.mark.parametrize("rest", ["", "\nAnn_Lee\t1\t2\nBob\t3\tCy\t1\n"])
def test_a_long_first_line_is_refused_without_its_words(tmp_path, first, rest):
    write_lfw(tmp_path)
    (tmp_path / "pairsDevTest.txt").write_text(first + rest)
    with pytest.raises(ValueError, match=r"pairsDevTest\.txt, line 1: |holds no pair") as error:
        lfw_pairs(tmp_path)
    assert len(str(error.value)) < 400


@pytest.mark.parametrize(
    ("line", "message"), [("Bob\t" * 900, "901 fields"), (f"Bob\t1\t{'a' * 4000}", "image number")]
)
def test_a_long_line_is_refused_without_its_words(tmp_path, line, message):
    write_lfw(tmp_path)
    (tmp_path / "pairsDevTest.txt").write_text(f"1\n{line}\n")
    with pytest.raises(ValueError, match=rf"line 2: .*{message}") as error:
        lfw_pairs(tmp_path)
    assert len(str(error.value)) < 400


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_byte_order_mark_is_no_part_of_a_list(tmp_path, encoding):
    write_lfw(tmp_path)
    (tmp_path / "pairsDevTest.txt").write_text("1\nAnn_Lee\t1\t2\nBob\t3\tCy\t1\n", encoding=encoding)
    assert len(lfw_pairs(tmp_path)) == 2


def test_only_the_end_of_a_line_ends_it(tmp_path):
    write_lfw(tmp_path)
    for file in (tmp_path / "lfw-deepfunneled/Cy").iterdir():
        (tmp_path / "lfw-deepfunneled/C\u2028y").mkdir()
        file.rename(tmp_path / "lfw-deepfunneled/C\u2028y/C\u2028y_0001.jpg")
    (tmp_path / "pairsDevTest.txt").write_text("1\nAnn_Lee\t1\t2\nBob\t3\tC\u2028y\t1\n", encoding="utf-8")
    assert lfw_pairs(tmp_path).right.tolist() == [1, 4]


def test_a_list_of_other_bytes_is_no_text(tmp_path):
    write_lfw(tmp_path)
    (tmp_path / "pairsDevTest.txt").write_bytes(b"1\nJos\xe9\t1\t2\n")
    with pytest.raises(ValueError, match=r"pairsDevTest\.txt is no text"):
        lfw_pairs(tmp_path)


def test_what_systems_leave_behind_is_nobody(tmp_path):
    write_lfw(tmp_path)
    files = lfw_files(tmp_path)
    for name in ("__MACOSX/x.jpg", "@eaDir/SYNOPHOTO_THUMB_M.jpg"):
        (tmp_path / "lfw-deepfunneled" / name).parent.mkdir()
        (tmp_path / "lfw-deepfunneled" / name).touch()
    assert lfw_files(tmp_path) == files


def test_a_name_may_hold_any_other_separator(tmp_path):
    write_lfw(tmp_path)
    for folder in (tmp_path / "lfw-deepfunneled").glob("Bob"):
        for file in folder.iterdir():
            file.rename(file.with_name(file.name.replace("Bob", "Bo\u2028b")))
        folder.rename(folder.with_name("Bo\u2028b"))
    (tmp_path / "pairsDevTest.txt").write_text("1\nAnn_Lee\t1\t2\nBo\u2028b\t3\tCy\t1\n", encoding="utf-8")
    assert len(lfw_pairs(tmp_path)) == 2
