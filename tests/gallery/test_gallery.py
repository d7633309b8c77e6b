from __future__ import annotations

import datetime
import inspect
import warnings
from functools import partialmethod
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from tiles import CONSENT, SIDE, Blocks, TileDetector, files_of, photograph

from course_lib import alignment, data, progress
from course_lib.alignment import NoFaceError, UnreadableError, template
from course_lib.gallery import Consent, Gallery, IncompatibleError, SeveralFacesError, consent, faces, gallery, store
from course_lib.gallery.calibration import threshold_for
from course_lib.training import embed

ADA, GRACE, MARY, STRANGER = range(1, 5)


@pytest.fixture
def there(tmp_path) -> Gallery:
    return Gallery(Blocks(), TileDetector(), tmp_path / "a.gallery")


@pytest.fixture
def enrolled(there) -> Gallery:
    for name, person in (("Ada", ADA), ("Grace", GRACE), ("Mary", MARY)):
        there.enrol(name, [photograph(person, shot=1), photograph(person, shot=2)], consent=CONSENT)
    return there


@pytest.fixture
def folder(tmp_path):
    """Ada with two photographs, Grace with one, and files that are no photographs."""
    for path, people in {"Ada/1.png": (ADA,), "Ada/2.PNG": (ADA,), "Grace/a.png": (GRACE,)}.items():
        (tmp_path / "people" / path).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(photograph(*people, shot=len(path))).save(tmp_path / "people" / path)
    (tmp_path / "people" / "Ada" / "notes.txt").write_text("x")
    (tmp_path / "people" / "Ada" / ".hidden.png").write_text("x")
    (tmp_path / "people" / "Ada" / "leads nowhere").symlink_to("nowhere")
    (tmp_path / "people" / ".git").mkdir()
    (tmp_path / "people" / "read me.md").write_text("x")
    return tmp_path / "people"


def names(faces) -> list[str | None]:
    return [face.name for face in faces]


def test_every_face_of_a_group_is_named_and_a_stranger_is_not(enrolled):
    found = enrolled.identify(photograph(GRACE, None, STRANGER, ADA, shot=9), threshold=0.8)
    assert names(found) == ["Grace", None, "Ada"]
    assert [face.nearest for face in found][::2] == ["Grace", "Ada"]
    assert found[0].box.tolist() == [0, 0, SIDE, SIDE] and found[2].box[0] == 3 * SIDE
    np.testing.assert_allclose(found[1].landmarks, template() + [2 * SIDE, 0])
    assert found[1].score < 0.8 < found[0].score <= 1 and found[0].margin > 0.1
    assert enrolled.identify(photograph(None, None), threshold=0.8) == []


def test_scores_and_margins_are_those_of_the_embeddings(enrolled):
    """Each step by hand: the tiles are aligned already, so the crop is the tile."""

    def embedding(person: int, shot: int) -> np.ndarray:
        row = embed(Blocks(), torch.from_numpy(photograph(person, shot=shot)).permute(2, 0, 1)[None])[0]
        return row / np.linalg.norm(row)

    (face,) = enrolled.identify(photograph(MARY, shot=9), threshold=0)
    best = {p: max(embedding(MARY, 9) @ embedding(p, shot) for shot in (1, 2)) for p in (ADA, GRACE, MARY)}
    assert face.name == "Mary" and face.score == pytest.approx(best[MARY], abs=1e-4)
    assert face.margin == pytest.approx(best[MARY] - max(best[ADA], best[GRACE]), abs=1e-4)


def test_the_threshold_given_counts_even_if_it_is_nothing(enrolled):
    (face,) = enrolled.identify(photograph(STRANGER), threshold=-1)
    assert face.name == face.nearest
    assert names(enrolled.identify(photograph(ADA), threshold=1.01)) == [None]
    assert names(enrolled.identify(photograph(STRANGER), threshold=face.score)) == [face.nearest]  # "at least"
    enrolled.calibrate(0.5)
    (face,) = enrolled.identify(photograph(STRANGER), threshold=0.0)
    assert (face.name is None) == (face.score < 0)
    with pytest.raises(ValueError, match="threshold is nan"):
        enrolled.identify(photograph(ADA), threshold=float("nan"))


def test_many_photographs_are_identified_like_each_of_them(enrolled):
    photographs = [photograph(GRACE, STRANGER), photograph(None), photograph(MARY, ADA, GRACE)]
    together = enrolled.identify_many(photographs, threshold=0.8)
    assert [names(in_one) for in_one in together] == [["Grace", None], [], ["Mary", "Ada", "Grace"]]
    for photo, in_one in zip(photographs, together, strict=True):
        alone = enrolled.identify(photo, threshold=0.8)
        assert [face.score for face in in_one] == pytest.approx([face.score for face in alone], abs=1e-6)


@pytest.mark.parametrize("kind", ["path", "text", "array", "PIL", "tensor"])
def test_a_photograph_may_come_as_anything(there, tmp_path, kind):
    pixels = photograph(ADA)
    Image.fromarray(pixels).save(tmp_path / "ada.png")
    given = {
        "path": tmp_path / "ada.png",
        "text": str(tmp_path / "ada.png"),
        "array": pixels,
        "PIL": Image.fromarray(pixels),
        "tensor": torch.from_numpy(pixels).permute(2, 0, 1),
    }[kind]
    report = there.enrol("Ada", given, consent=CONSENT)
    assert report.templates == {"Ada": 1} and report.passed_over == ()
    assert there.enrol("Ada too", [given, pixels], consent=CONSENT).templates == {"Ada too": 2}
    (face,) = there.identify(given, threshold=0.999)
    assert face.score == pytest.approx(1, abs=1e-5) and face.margin == pytest.approx(0, abs=1e-5)


def test_one_person_alone_has_no_margin(there):
    there.enrol("Ada", photograph(ADA), consent=CONSENT)
    (face,) = there.identify(photograph(ADA), threshold=0.5)
    assert face.margin is None and face.name == "Ada"


def test_consent_is_needed_stored_and_shown(there):
    assert inspect.signature(Gallery.enrol).parameters["consent"].default is inspect.Parameter.empty
    with pytest.raises(TypeError, match="consent"):
        there.enrol("Ada", photograph(ADA))
    for refused in (None, True, {"by": "Ada"}):
        with pytest.raises(TypeError, match="'Ada': consent is .*; expected Consent"):
            there.enrol("Ada", photograph(ADA), consent=refused)
    assert there.people() == ()
    agreed = Consent(by="Ada's mother", purpose="the course's last notebook", date=datetime.date(2025, 5, 1))
    there.enrol("Ada", photograph(ADA), consent=agreed)
    (person,) = there.people()
    assert (person.name, person.templates, person.consents) == ("Ada", 1, (agreed,))


def test_no_photograph_is_stored_and_a_forgotten_person_is_gone(enrolled, tmp_path):
    size = len(files_of(tmp_path))
    assert size < photograph(ADA).nbytes * 2  # of six
    templates = enrolled.store.load()
    of_ada = templates.templates[templates.owners == templates.names.index("Ada")]
    enrolled.identify(photograph(ADA), threshold=0.5)
    assert enrolled.forget("Ada") == 2
    content = files_of(tmp_path)
    assert b"Ada" not in content and not any(bytes(row) in content for row in of_ada)
    assert names(enrolled.identify(photograph(ADA, GRACE, shot=9), threshold=0.8)) == [None, "Grace"]
    with pytest.raises(ValueError, match="nobody is enrolled as 'Ada'"):
        enrolled.forget("Ada")


@pytest.mark.parametrize(
    ("people", "error", "words"),
    [
        ((None,), NoFaceError, "photograph 2 of 2: no face: the detector found none"),
        ((ADA, GRACE), SeveralFacesError, "photograph 2 of 2: several faces: 2 faces, .* choose='largest'"),
    ],
)
def test_a_photograph_without_one_face_is_named_and_nothing_is_stored(there, people, error, words):
    photographs = [photograph(ADA), photograph(*people)]
    with pytest.raises(error, match=words):
        there.enrol("Ada", photographs, consent=CONSENT)
    assert there.people() == ()
    report = there.enrol("Ada", photographs, consent=CONSENT, on_error="skip")
    assert report.templates == {"Ada": 1} and [problem.file for problem in report.problems] == ["photograph 2 of 2"]
    assert f"photographs not used: 1 {report.problems[0].problem}" in str(report)


@pytest.mark.parametrize("people", [(ADA, GRACE), (ADA, GRACE, MARY)])
def test_a_choice_is_counted_from_two_faces_on(there, people):
    with pytest.raises(SeveralFacesError, match=f"photograph 1 of 2.*{len(people)} faces"):
        there.enrol("Ada", [photograph(*people), photograph(ADA)], consent=CONSENT)
    report = there.enrol("Ada", [photograph(*people), photograph(ADA)], consent=CONSENT, choose="largest")
    assert report.chosen == {"photograph 1 of 2": len(people)} and report.templates == {"Ada": 2}
    assert report.passed_over == ()


def test_of_several_faces_one_is_chosen_if_it_is_said_which(there):
    group = photograph(ADA, GRACE, MARY)
    for choose, person in (("largest", ADA), ("central", GRACE)):
        report = there.enrol(choose, [group, photograph(person)], consent=CONSENT, choose=choose)
        assert report.chosen == {"photograph 1 of 2": 3} and "one of several faces chosen in 1" in str(report)
        (face,) = there.identify(photograph(person), threshold=0.9)
        assert face.name == choose
    with pytest.raises(ValueError, match="choose is 'nearest'; expected one of largest, central"):
        there.enrol("Mary", group, consent=CONSENT, choose="nearest")


def test_an_unreadable_photograph_is_named(there, tmp_path):
    (tmp_path / "broken.jpg").write_bytes(b"\xff\xd8 and no more")
    given = [tmp_path / "broken.jpg", photograph(ADA)]
    with pytest.raises(UnreadableError, match=r"broken\.jpg cannot be read"):
        there.enrol("Ada", given, consent=CONSENT)
    report = there.enrol("Ada", given, consent=CONSENT, on_error="skip")
    assert [(problem.file, problem.problem) for problem in report.problems] == [
        (str(tmp_path / "broken.jpg"), alignment.folder.UNREADABLE)
    ]
    with pytest.raises(ValueError, match="'Eve': none of 1 photographs can be used: 1 unreadable"):
        there.enrol("Eve", given[0], consent=CONSENT, on_error="skip")
    with pytest.raises(UnreadableError, match=r"missing\.jpg is not a file"):
        there.identify(tmp_path / "missing.jpg", threshold=0.5)


@pytest.mark.parametrize(
    ("given", "options", "error", "words"),
    [
        ([], {}, ValueError, "no photograph is given"),
        ([np.zeros((5, 5))], {}, TypeError, "photograph 1 of 1: the image is float64"),
        ([np.zeros((2, 5, 5, 3), np.uint8)], {}, ValueError, r"photograph 1 of 1: the array has shape \(2, 5, 5, 3\)"),
        ([7], {}, TypeError, "7: the image is a int"),
        ([photograph(ADA)], {"on_error": "ignore"}, ValueError, "on_error is 'ignore'; expected one of raise, skip"),
    ],
)
def test_what_is_no_photograph_is_refused(there, given, options, error, words):
    with pytest.raises(error, match=words):
        there.enrol("Ada", given, consent=CONSENT, **options)
    assert there.people() == ()


def test_a_folder_is_enrolled_with_one_consent_or_one_for_each(there, folder, tmp_path):
    report = there.enrol_folder(folder, consent=CONSENT)
    assert report.templates == {"Ada": 2, "Grace": 1}
    assert str(report) == "people enrolled: 2, templates: 3; 5 other files passed over"
    assert {(Path(entry).relative_to(folder).as_posix(), reason) for entry, reason in report.passed_over} == {
        ("Ada/notes.txt", "no image by its suffix"),
        ("Ada/.hidden.png", "hidden"),
        ("Ada/leads nowhere", "no image by its suffix"),
        (".git", "hidden"),
        ("read me.md", "no image by its suffix"),
    }
    assert names(there.identify(photograph(GRACE, ADA), threshold=0.8)) == ["Grace", "Ada"]
    each = {
        name: Consent(by=name, purpose="a test", date=datetime.date(2025, 1, day))
        for day, name in enumerate(("Ada", "Grace"), start=1)
    }
    other = Gallery(Blocks(), TileDetector(), tmp_path / "b.gallery")
    with pytest.raises(ValueError, match="there is no consent of Grace; nobody is enrolled who did not agree"):
        other.enrol_folder(folder, consent={"Ada": CONSENT})
    assert other.people() == ()
    other.enrol_folder(folder, consent=each)
    assert [person.consents for person in other.people()] == [(each["Ada"],), (each["Grace"],)]


def test_a_folder_with_a_bad_photograph_enrols_nobody_or_all_but_that(there, folder):
    (folder / "Grace" / "a.png").write_bytes(b"")
    (folder / "Ada" / "3.png").write_bytes(b"nothing")
    Image.fromarray(photograph(ADA, MARY)).save(folder / "Ada" / "4.png")
    with pytest.raises(UnreadableError, match=r"3\.png"):
        there.enrol_folder(folder, consent=CONSENT)
    assert there.people() == ()
    report = there.enrol_folder(folder, consent=CONSENT, on_error="skip")
    assert report.templates == {"Ada": 2} and report.left_out == ("Grace",)
    assert sorted(problem.problem for problem in report.problems) == ["several faces", "unreadable", "unreadable"]
    assert "left out: Grace; photographs not used: " in str(report) and "2 unreadable" in str(report)
    with pytest.raises(ValueError, match="'Ada' is enrolled already"):
        there.enrol_folder(folder, consent=CONSENT, on_error="skip")


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ("loose", ValueError, r"loose\.png lies in no person's folder \(1 such\); expected .*/PERSON/IMAGE\.jpg"),
        ("deeper", ValueError, "older is a folder; expected the photographs of 'Ada'"),
        ("empty", ValueError, "Mary holds no image"),
        ("nobody", FileNotFoundError, "holds no folder"),
        ("nowhere", FileNotFoundError, "is not a folder"),
    ],
)
def test_a_folder_of_another_shape_is_refused(there, folder, tmp_path, change, error, words):
    if change == "loose":
        Image.fromarray(photograph(ADA)).save(folder / "loose.png")
    elif change in ("deeper", "empty"):
        (folder / {"deeper": "Ada/older", "empty": "Mary"}[change]).mkdir()
    elif change == "nobody":
        (tmp_path / "nobody").mkdir()
    with pytest.raises(error, match=words):
        there.enrol_folder(
            {"nobody": tmp_path / "nobody", "nowhere": tmp_path / "x"}.get(change, folder), consent=CONSENT
        )
    assert there.people() == ()


def test_a_photograph_that_leads_nowhere_is_named(there, folder):
    (folder / "Ada" / "3.png").symlink_to("nowhere.png")
    with pytest.raises(UnreadableError, match=r"3\.png is not a file"):
        there.enrol_folder(folder, consent=CONSENT)
    report = there.enrol_folder(folder, consent=CONSENT, on_error="skip")
    assert [Path(problem.file).name for problem in report.problems] == ["3.png"]


def test_a_person_without_images_is_left_out_by_choice(there, folder):
    (folder / "Mary").mkdir()
    assert there.enrol_folder(folder, consent=CONSENT, on_error="skip").left_out == ("Mary",)


def test_who_may_not_be_enrolled_is_known_before_the_long_work(enrolled, monkeypatch):
    monkeypatch.setattr(TileDetector, "detect_many", lambda *_: pytest.fail("looked for faces"))
    with pytest.raises(ValueError, match="'Ada' is enrolled already"):
        enrolled.enrol("Ada", photograph(ADA), consent=CONSENT)
    with pytest.raises(TypeError, match="expected Consent"):
        enrolled.enrol("Eve", photograph(ADA), consent=None)


def test_large_photographs_are_looked_at_a_few_at_a_time(enrolled, monkeypatch):
    shown = [(ADA,), (None,), (GRACE, MARY), (None,), (STRANGER,)]
    at_once = enrolled.identify_many([photograph(*people) for people in shown], threshold=0.8)
    sizes, detect_many = [], TileDetector.detect_many
    monkeypatch.setattr(TileDetector, "detect_many", lambda self, p: sizes.append(len(p)) or detect_many(self, p))
    monkeypatch.setattr(faces, "PIXELS_AT_ONCE", SIDE * SIDE)
    a_few = enrolled.identify_many([photograph(*people) for people in shown], threshold=0.8)
    assert sizes == [2, 1, 2]
    assert [names(in_one) for in_one in a_few] == [names(in_one) for in_one in at_once]
    sizes.clear()
    given = [photograph(ADA, GRACE), photograph(STRANGER), photograph(None), photograph(STRANGER, shot=1)]
    report = enrolled.enrol("Eve", given, consent=CONSENT, on_error="skip")
    assert sizes == [1, 2, 1] and report.templates == {"Eve": 2}
    assert [problem.file for problem in report.problems] == ["photograph 1 of 4", "photograph 3 of 4"]


@pytest.mark.parametrize("method", ["identify", "identify_many"])
def test_identifying_tells_a_log_how_far_it_is(enrolled, monkeypatch, capsys, method):
    monkeypatch.setattr(progress.Progress, "__init__", partialmethod(progress.Progress.__init__, disable=False))
    monkeypatch.setattr(progress, "FIRST_LINE", 0.0)  # as if all of it took longer
    monkeypatch.setattr(progress, "NEXT_LINE", 0.0)
    given = photograph(ADA) if method == "identify" else [photograph(ADA)] * 3
    getattr(enrolled, method)(given, threshold=0.8)
    told = "looking at: 1 of 1 photograph, " if method == "identify" else "looking at: 3 of 3 photographs, "
    assert told in capsys.readouterr().err


def test_more_templates_need_to_be_asked_for(enrolled):
    with pytest.raises(ValueError, match="'Ada' is enrolled already"):
        enrolled.enrol("Ada", photograph(ADA, shot=3), consent=CONSENT)
    enrolled.enrol("Ada", photograph(ADA, shot=3), consent=CONSENT, extend=True)
    assert [person.templates for person in enrolled.people()] == [3, 2, 2]
    (face,) = enrolled.identify(photograph(ADA, shot=3), threshold=0.5)
    assert face.score == pytest.approx(1, abs=1e-5)


def test_the_threshold_is_calibrated_on_strangers_and_kept(enrolled, tmp_path):
    with pytest.raises(ValueError, match="there is no threshold yet; call calibrate"):
        enrolled.identify(photograph(ADA))
    strangers = [photograph(100 + number, shot=number) for number in range(50)]
    found = enrolled.calibrate(0.1, strangers)
    assert (found.searches, found.accepted, found.people, found.templates) == (50, 5, 3, 6)
    assert found.strangers == "50 photographs" and found.date == datetime.date.today().isoformat()
    assert enrolled.calibration == found
    named = enrolled.identify_many(strangers)
    assert sum(face.name is not None for (face,) in named) == 5
    again = Gallery(Blocks(), TileDetector(), tmp_path / "a.gallery")
    assert again.calibration == found and names(again.identify(photograph(ADA, shot=9))) == ["Ada"]


def test_strangers_may_be_an_image_set_and_their_problems_are_counted(enrolled):
    images = torch.from_numpy(np.stack([photograph(100 + n) if n else photograph(None) for n in range(11)]))
    strangers = data.ImageSet(images.permute(0, 3, 1, 2), torch.arange(11), tuple(map(str, range(11))), "drawn ones")
    with pytest.raises(NoFaceError, match="photograph 1 of 11"):
        enrolled.calibrate(0.2, strangers)
    assert enrolled.calibration is None
    found = enrolled.calibrate(0.2, strangers, on_error="skip")
    assert (found.searches, found.skipped, found.accepted, found.strangers) == (10, 1, 2, "drawn ones")
    with pytest.raises(ValueError, match="cannot be told from 10 faces of strangers"):
        enrolled.calibrate(0.095, strangers, on_error="skip")  # enough for eleven
    with pytest.raises(ValueError, match="cannot be told from 0 faces of strangers"):
        enrolled.calibrate(0.5, [photograph(None)] * 2, on_error="skip")
    assert enrolled.calibration == found


@pytest.mark.parametrize(
    ("far", "words"), [(0.0001, "from 60 faces of strangers; .* 10,000"), (0, "far is 0; expected")]
)
def test_a_far_that_so_few_cannot_show_is_refused_before_the_long_work(enrolled, monkeypatch, far, words):
    monkeypatch.setattr(TileDetector, "detect_many", lambda *_: pytest.fail("looked for faces"))
    with pytest.raises(ValueError, match=words):
        enrolled.calibrate(far, [photograph(STRANGER)] * 60)


def test_without_strangers_the_people_are_each_others(enrolled):
    contents = enrolled.store.load()
    others = np.where(contents.owners[:, None] == contents.owners, -np.inf, contents.templates @ contents.templates.T)
    found = enrolled.calibrate(0.4)
    # Two templates are most like each other: their score is there twice, and 0.4 of six allows two. With its own score
    # among them each template's highest would be one, and nobody would ever be named.
    threshold, accepted = threshold_for(0.4, others.max(axis=1))
    assert (found.searches, found.accepted) == (6, accepted) == (6, 2)
    assert found.threshold == pytest.approx(threshold, abs=1e-6) and found.threshold < 0.99
    assert "each template searched for among the others" in found.strangers


def test_one_person_has_no_others(there):
    with pytest.raises(ValueError, match=r"a\.gallery nobody is enrolled whose consent holds today"):
        there.calibrate(0.5)
    with pytest.raises(ValueError, match="enrol somebody first"):
        there.identify(photograph(ADA), threshold=0.5)
    there.enrol("Ada", [photograph(ADA, shot=shot) for shot in range(3)], consent=CONSENT)
    with pytest.raises(ValueError, match="one person is enrolled; expected two or more"):
        there.calibrate(0.5)


def test_a_gallery_that_has_grown_says_so(enrolled):
    enrolled.calibrate(0.4)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        enrolled.identify(photograph(ADA))
    enrolled.enrol("Eve", photograph(STRANGER), consent=CONSENT)
    with pytest.warns(UserWarning, match="chosen for 3 people, and 4 are enrolled now"):
        enrolled.identify(photograph(ADA))


def test_what_another_process_changes_is_seen_at_the_next_call(enrolled, tmp_path):
    other = Gallery(Blocks(), TileDetector(), tmp_path / "a.gallery")
    assert names(other.identify(photograph(STRANGER, ADA), threshold=0.8)) == [None, "Ada"]
    enrolled.enrol("Eve", photograph(STRANGER), consent=CONSENT)
    enrolled.forget("Ada")
    assert names(other.identify(photograph(STRANGER, ADA), threshold=0.8)) == ["Eve", None]


def test_nobody_is_identified_after_the_last_day(enrolled, monkeypatch):
    tomorrow = datetime.date.today() + datetime.timedelta(1)
    until = Consent(by="Eve", purpose="a day", date=CONSENT.date, until=datetime.date.today())
    enrolled.enrol("Eve", photograph(STRANGER), consent=until)
    assert names(enrolled.identify(photograph(STRANGER), threshold=0.8)) == ["Eve"]
    for module in (consent, store, gallery):
        monkeypatch.setattr(module, "today", lambda: tomorrow)
    assert names(enrolled.identify(photograph(STRANGER), threshold=0.8)) == [None]
    assert [person.name for person in enrolled.people() if person.has_ended] == ["Eve"]
    assert enrolled.forget_ended() == 1 and len(enrolled.people()) == 3


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"model": Blocks(seed=1)}, "model [0-9a-f]{12} there, [0-9a-f]{12} here"),
        ({"model": Blocks(embedding_size=17)}, "embedding size 16 there, 17 here"),
        ({"flip": True}, "flip false there, true here"),
        ({"size": (112, 96)}, r"crop \[112, 112\] there, \[112, 96\] here; landmarks"),
    ],
)
def test_another_model_or_alignment_is_refused_and_both_are_named(enrolled, tmp_path, options, words):
    with pytest.raises(IncompatibleError, match=words):
        Gallery(**{"model": Blocks(), "detector": TileDetector(), "path": tmp_path / "a.gallery", **options})


def test_a_model_that_was_trained_on_meanwhile_is_refused(enrolled):
    with torch.no_grad():
        enrolled.embedder.model.mix.weight += 0.01
    with pytest.raises(IncompatibleError, match="the model was changed since the gallery was opened"):
        enrolled.enrol("Eve", photograph(STRANGER), consent=CONSENT)
    assert len(enrolled.people()) == 3


def test_the_mirrored_face_is_added_if_asked_for(tmp_path):
    both = Gallery(Blocks(), TileDetector(), tmp_path / "b.gallery", flip=True)
    both.enrol("Ada", photograph(ADA), consent=CONSENT)
    (face,) = both.identify(photograph(ADA)[:, ::-1], threshold=0.5)
    # The crop's landmarks are not mirrored, but the tile detector does not care.
    assert face.score == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize(
    ("model", "error", "words"),
    [
        (lambda images: images, TypeError, "the model is a function; expected a torch.nn.Module"),
        (torch.nn.Conv2d(3, 4, 1), ValueError, r"the model makes \(1, 4, 112, 112\) of one face; expected \(1, D\)"),
    ],
)
def test_what_is_no_embedder_is_refused(tmp_path, model, error, words):
    with pytest.raises(error, match=words):
        Gallery(model, TileDetector(), tmp_path / "a.gallery")
    assert list(tmp_path.iterdir()) == []


def test_it_says_how_many_there_are(enrolled):
    assert repr(enrolled).startswith("Gallery(3 people, 6 templates in ")


def test_a_folder_in_the_home_folder_is_understood(there, folder, monkeypatch):
    monkeypatch.setenv("HOME", str(folder.parent))
    monkeypatch.setenv("USERPROFILE", str(folder.parent))
    assert there.enrol_folder("~/people", consent=CONSENT).templates == {"Ada": 2, "Grace": 1}


def test_a_face_that_cannot_be_aligned_is_named_and_the_others_go_on(enrolled, monkeypatch):
    broken = photograph(ADA, STRANGER, shot=9)
    detect_many = TileDetector.detect_many

    def in_one_place(self, images):
        found = detect_many(self, images)
        for image, there in zip(images, found, strict=True):
            if image.shape == broken.shape:
                there[:] = [alignment.Face(face.box, face.landmarks * 0, face.score) for face in there]
        return found

    monkeypatch.setattr(TileDetector, "detect_many", in_one_place)
    given, problems = [photograph(GRACE, shot=9), broken, photograph(MARY, shot=9)], []
    found = enrolled.identify_many(given, threshold=0.8, problems=problems)
    assert [names(faces) for faces in found] == [["Grace"], [], ["Mary"]]
    assert [(one.file, one.problem) for one in problems] == [("photograph 2 of 3", "failed")]
    with pytest.raises(ValueError, match="photograph 2 of 3: failed: .*all in one place"):
        enrolled.identify_many(given, threshold=0.8)
    report = enrolled.enrol("Eve", given, consent=CONSENT, choose="largest", on_error="skip")
    assert report.templates == {"Eve": 2} and report.problems == tuple(problems)
    with pytest.raises(ValueError, match="photograph 2 of 3: failed"):
        enrolled.enrol("Zoe", given, consent=CONSENT, choose="largest")


def test_a_damaged_photograph_of_many_is_listed_by_whoever_asks(enrolled, tmp_path):
    (tmp_path / "bad.png").write_bytes(b"nothing")
    found = enrolled.identify_many([photograph(ADA), tmp_path / "bad.png"], threshold=0.8, problems=(problems := []))
    assert [names(faces) for faces in found] == [["Ada"], []] and problems[0].problem == "unreadable"
