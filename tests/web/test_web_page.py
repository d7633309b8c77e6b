"""The page as people use it: by mouse, by keyboard alone, on a phone, in the dark, and when things go wrong."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from orl_photographs import group, photograph, saved
from PIL import Image

from course_lib import weights
from course_lib.alignment import MTCNN, align
from course_lib.alignment.jpeg_passes import passes
from course_lib.limits import MAX_PASSES
from tools import web

FIRST, SECOND = ".slot:nth-child(1)", ".slot:nth-child(2)"
TEXT = "document.querySelector({}).textContent"


class Visitor:
    """Someone at the page."""

    def __init__(self, page) -> None:
        self.page = page

    def text(self, selector: str) -> str:
        return self.page.run(TEXT.format(json.dumps(selector))).strip()

    def status(self, slot: str) -> str:
        return self.text(f"{slot} [data-part=status]")

    def choose(self, slot: str, file: Path, until: str) -> None:
        """A file, and wait for these words."""
        self.page.choose(f"{slot} [data-part=file]", file)
        self.wait_for(f"{slot} [data-part=status]", until)

    def press(self, slot: str, part: str) -> None:
        self.page.run(f"document.querySelector('{slot} [data-part={part}]').click()")

    def wait_for(self, selector: str, words: str) -> None:
        self.page.wait(f"{TEXT.format(json.dumps(selector))}.includes({json.dumps(words)})")

    def focused(self) -> str:
        """What has the focus: its part or id, in which photograph."""
        element = "document.activeElement"
        which = f"[...document.querySelectorAll('.slot')].indexOf({element}.closest('.slot')) + 1"
        return self.page.run(f"({element}.dataset.part || {element}.id || {element}.tagName) + ' ' + ({which})")

    def tab_to(self, what: str) -> None:
        for _ in range(30):
            if self.focused() == what:
                return
            self.page.press("Tab")
        raise AssertionError(f"the Tab key does not reach {what}")

    def shown(self, slot: str, part: str) -> bool:
        return self.page.run(f"document.querySelector('{slot} [data-part={part}]').checkVisibility()")


@pytest.fixture(scope="module")
def page(browser) -> Iterator:
    from chromium import Page

    page = Page(browser)
    yield page
    page.close()


@pytest.fixture
def visitor(page, address) -> Visitor:
    """The page loaded anew, in a window of the usual size."""
    page.size(1000, 900)
    page.media()
    page.open(address)
    return Visitor(page)


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("photographs")
    made = {f"orl {index}": photograph(index) for index in (0, 3, 50)}
    made |= {"group": group(50, 0, 70), "grey": np.full((240, 320, 3), 128, np.uint8)}
    return {name: saved(pixels, folder / f"{name.replace(' ', '_')}.png") for name, pixels in made.items()}


def score_of(*files: Path) -> float:
    """As the library computes it."""
    session = onnxruntime.InferenceSession(weights.int8_file("mobilefacenet_075_relu"))
    crops = [align(file, MTCNN()).image.astype(np.float32) for file in files]
    one, other = (session.run(None, {"images": ((c - 127.5) / 128).transpose(2, 0, 1)[None]})[0][0] for c in crops)
    return float(one @ other / np.linalg.norm(one) / np.linalg.norm(other))


def test_two_photographs_are_compared_and_the_threshold_decides(visitor, files):
    visitor.choose(FIRST, files["orl 0"], "One face was found.")
    assert visitor.text("#verdict") == "Two faces are needed." and visitor.text("#score") == "–"
    visitor.choose(SECOND, files["orl 3"], "One face was found.")
    visitor.wait_for("#verdict", "Taken for the same person.")
    assert float(visitor.text("#score")) == pytest.approx(score_of(files["orl 0"], files["orl 3"]), abs=0.03)
    visitor.page.run("document.querySelector('#threshold').focus()")
    visitor.page.press("End")
    assert visitor.text("#verdict") == "Taken for two people." and visitor.text("#value") == "0.80"
    visitor.page.run("document.querySelector('#reset').click()")
    assert visitor.text("#verdict") == "Taken for the same person." and visitor.text("#value") == "0.37"
    visitor.choose(SECOND, files["orl 50"], "One face was found.")
    visitor.wait_for("#verdict", "Taken for two people.")
    for row in visitor.page.run("[...document.querySelectorAll('#steps tr')].map((row) => row.innerText)"):
        assert re.fullmatch(r"(Read|Find faces|Align|Embed)\t[\d.]+ ms\t[\d.]+ ms", row)
    hosts = {event["request"]["url"] for event in visitor.page.events("Network.requestWillBeSent")}
    here = visitor.page.run("location.origin")
    assert len(hosts) > 15 and all(url.startswith((f"{here}/", "data:,", f"blob:{here}/")) for url in hosts)


def test_the_threshold_says_what_was_recorded_for_it(visitor):
    visitor.wait_for("#loading", "The networks are loaded")
    recorded = web.settings()
    at = recorded["thresholds"].index(0.5)
    visitor.page.run("(slider => { slider.value = 0.5; slider.dispatchEvent(new Event('input')) })(threshold)")
    accepted, rejected = recorded["false_accepts"][at], recorded["false_rejects"][at]
    said = visitor.text("#meaning")
    assert said.startswith(
        f"At 0.50, of 500 pairs of two people {accepted} are taken for one (FAR {accepted / 5:.1f} %)"
    )
    assert f"of 500 pairs of one person {rejected} for two (FRR {rejected / 5:.1f} %)" in said
    assert said.endswith(f"{100 - (accepted + rejected) / 10:.1f} % are right.")
    spoken = visitor.page.run("threshold.getAttribute('aria-valuetext')")
    assert spoken == f"0.50: FAR {accepted / 5:.1f} %, FRR {rejected / 5:.1f} %"


def test_of_several_faces_the_largest_is_compared(visitor, files):
    visitor.choose(FIRST, files["group"], "3 faces were found; the largest is compared.")
    visitor.choose(SECOND, files["orl 50"], "One face was found.")
    visitor.wait_for("#verdict", "Taken for the same person.")


def test_a_file_that_is_no_photograph_is_refused_by_name(visitor, files, tmp_path):
    whole, progressive = files["orl 0"].read_bytes(), saved(photograph(0), tmp_path / "p.jpg", progressive=True)
    one_more = b"\xff\xda\0\x08\x01\x01\0\x01\x3f\x00\0\0"
    for name, content, words in (
        ("letter.pdf", b"%PDF-1.7 and so on", "letter.pdf is no photograph that browsers read. Choose one of"),
        ("renamed.jpg", b"only text", "renamed.jpg is no photograph"),
        (
            "broken.png",
            whole[:200] + bytes(50) + whole[250:600],
            "broken.png begins as a PNG file but is damaged",
        ),
        ("nothing.png", b"", "nothing.png is empty."),
        (
            "endless.jpg",
            progressive.read_bytes()[:-2] + 3000 * one_more,
            f"endless.jpg is a JPEG with {3000 + passes(progressive.read_bytes()):,} passes over its pixels; "
            f"expected at most {MAX_PASSES.default}. Save it anew, or choose",
        ),
    ):
        (tmp_path / name).write_bytes(content)
        visitor.choose(FIRST, tmp_path / name, words)
        assert not visitor.shown(FIRST, "photograph")
    visitor.choose(FIRST, progressive, "One face was found.")
    visitor.choose(SECOND, files["orl 3"], "One face was found.")
    visitor.wait_for("#verdict", "Taken for")
    visitor.choose(SECOND, tmp_path / "letter.pdf", "is no photograph")
    assert visitor.text("#verdict") == "Two faces are needed."  # nothing of the last photograph is left


def test_without_a_face_the_points_can_be_placed_by_clicks(visitor, files):
    visitor.choose(FIRST, files["grey"], "No face was found.")
    visitor.press(FIRST, "points")
    left, top, width = visitor.page.run(
        "(({left, top, width}) => [left, top, width])"
        f"(document.querySelector('{FIRST} [data-part=photograph]').getBoundingClientRect())"
    )
    zoom = width / 320
    for number, (x, y) in enumerate([(130, 100), (180, 100), (155, 130), (135, 160), (175, 160)]):
        visitor.wait_for(f"{FIRST} [data-part=status]", f"Point {number + 1} of 5")
        visitor.page.click(left + x * zoom, top + y * zoom)
    visitor.wait_for(f"{FIRST} [data-part=status]", "The five points were placed by hand.")
    assert visitor.shown(FIRST, "crop")


def test_points_without_the_shape_of_a_face_are_refused(visitor, files):
    visitor.choose(FIRST, files["grey"], "No face was found.")
    visitor.press(FIRST, "points")
    visitor.page.press("Enter", "Enter", "Enter", "Enter", "Enter")  # all in one place
    visitor.wait_for(f"{FIRST} [data-part=status]", "have not the shape of a face")
    assert not visitor.shown(FIRST, "crop")


def test_everything_can_be_done_with_the_keyboard(visitor, files):
    visitor.tab_to("file 1")
    visitor.page.press("Tab")
    assert visitor.focused() == "camera 1"
    visitor.choose(FIRST, files["orl 0"], "One face was found.")  # the system's own dialogue chooses the file
    automatic = visitor.page.run(f"document.querySelector('{FIRST} [data-part=crop]').toDataURL()")
    visitor.tab_to("points 1")
    visitor.page.press("Enter")
    assert visitor.focused() == "photograph 1"
    visitor.page.press("ArrowLeft", "ArrowUp", "Enter", "Backspace")
    visitor.wait_for(f"{FIRST} [data-part=status]", "Point 1 of 5: the left eye.")
    visitor.page.press("Escape")
    visitor.wait_for(f"{FIRST} [data-part=status]", "No points were placed.")
    assert visitor.focused() == "points 1"
    visitor.page.press("Enter", "ArrowLeft", "ArrowLeft", "ArrowLeft", "ArrowLeft", "ArrowUp", "ArrowUp", "Enter")
    visitor.page.press(*["ArrowRight"] * 8, "Enter", *["ArrowLeft"] * 4, *["ArrowDown"] * 5, "Enter")
    visitor.page.press(*["ArrowLeft"] * 3, *["ArrowDown"] * 5, "Enter", *["ArrowRight"] * 6, "Enter")
    visitor.wait_for(f"{FIRST} [data-part=status]", "placed by hand")
    assert visitor.page.run(f"document.querySelector('{FIRST} [data-part=crop]').toDataURL()") != automatic
    visitor.choose(SECOND, files["orl 3"], "One face was found.")
    visitor.tab_to("threshold 0")
    visitor.page.press("Home")
    visitor.wait_for("#verdict", "Taken for the same person.")
    visitor.tab_to("reset 0")
    visitor.page.press(" ")
    assert visitor.text("#value") == "0.37"


def test_the_focus_is_seen_and_every_control_has_a_name(visitor, files):
    visitor.choose(FIRST, files["orl 0"], "One face was found.")
    seen = {}
    for _ in range(14):
        visitor.page.press("Tab")
        style = "getComputedStyle(document.activeElement)"
        seen[visitor.focused()] = visitor.page.run(f"{style}.outlineStyle + ' ' + {style}.outlineWidth")
    assert {"file 1", "camera 1", "points 1", "file 2", "camera 2", "threshold 0", "reset 0", "A 0"} <= set(seen)
    del seen["BODY 0"]
    assert set(seen.values()) == {"solid 3px"}
    nodes = visitor.page.send("Accessibility.getFullAXTree")["nodes"]
    controls = [node for node in nodes if node.get("role", {}).get("value") in ("button", "slider", "link", "image")]
    assert len(controls) >= 10 and all(node["name"]["value"].strip() for node in controls)
    assert visitor.page.run("[...document.querySelectorAll('[role=status]')].length") == 4


def test_the_camera_takes_a_photograph(visitor, address):
    visitor.page.permit(address, "camera", "granted")
    visitor.press(FIRST, "camera")
    visitor.page.wait(f"!document.querySelector('{FIRST} [data-part=take]').disabled")
    assert visitor.focused() == "take 1"
    visitor.page.press("Enter")
    visitor.wait_for(f"{FIRST} [data-part=status]", "face")  # Chromium's stand-in for a camera shows none
    assert visitor.shown(FIRST, "photograph") and not visitor.shown(FIRST, "video")
    assert visitor.page.run(f"document.querySelector('{FIRST} video').srcObject === null")


def test_without_permission_or_camera_it_says_what_to_do(visitor, address, files):
    visitor.choose(FIRST, files["orl 0"], "One face was found.")
    visitor.page.permit(address, "camera", "denied")
    visitor.press(FIRST, "camera")
    visitor.wait_for(
        f"{FIRST} [data-part=status]", "no permission to use the camera. Allow it in the browser's settings"
    )
    assert not visitor.shown(FIRST, "video") and visitor.shown(FIRST, "photograph")
    for name, words in (("NotFoundError", "No camera was found."), ("NotReadableError", "used by another program")):
        refusal = f"() => Promise.reject(new DOMException('', '{name}'))"
        visitor.page.run(f"void (navigator.mediaDevices.getUserMedia = {refusal})")
        visitor.press(SECOND, "camera")
        visitor.wait_for(f"{SECOND} [data-part=status]", words)
    visitor.page.run("void Object.defineProperty(navigator, 'mediaDevices', { value: undefined })")
    visitor.press(SECOND, "camera")
    visitor.wait_for(f"{SECOND} [data-part=status]", "only to pages from https or from this machine")


def test_a_network_that_cannot_be_loaded_is_named(browser, address, files):
    from chromium import Page

    apart = Page(browser)
    apart.send("Network.setBlockedURLs", urls=["*embedder.onnx"])
    apart.open(address)
    visitor = Visitor(apart)
    visitor.wait_for("#loading", "The networks could not be loaded")
    visitor.choose(FIRST, files["orl 0"], "The networks are not loaded; see the message at the top of the page.")
    apart.close()


def test_a_browser_that_disturbs_pixels_is_found_out(visitor, files):
    visitor.page.run(
        "void (OffscreenCanvasRenderingContext2D.prototype.getImageData = (x, y, width, height) =>"
        " new ImageData(crypto.getRandomValues(new Uint8ClampedArray(4 * width * height)), width, height))"
    )
    visitor.choose(FIRST, files["orl 0"], "This browser gives the page random pixels")


def test_the_browser_itself_refuses_to_send_anything_elsewhere(visitor, address):
    refused = visitor.page.run(
        "new Promise((resolve) => { document.addEventListener('securitypolicyviolation',"
        " (event) => resolve(event.effectiveDirective)); fetch('https://example.org/', { method: 'POST', body: 'x' })"
        ".catch(() => {}) })"
    )
    assert refused == "connect-src"
    assert (
        visitor.page.run(f"fetch('{address}', {{ method: 'POST', body: 'x' }}).then((answer) => answer.status)") == 501
    )


def test_nothing_is_cut_off_and_all_text_can_be_read(visitor, files):
    visitor.choose(FIRST, files["group"], "3 faces were found")
    visitor.choose(SECOND, files["grey"], "No face was found.")
    visitor.press(SECOND, "points")
    every = "[...document.body.querySelectorAll('*')].filter((element) => element.checkVisibility())"
    for width in (360, 1000):
        visitor.page.size(width, 740)
        assert visitor.page.run("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
        beyond = "({ left, right }) => left < 0 || right > innerWidth"
        assert visitor.page.run(f"{every}.map((one) => one.getBoundingClientRect()).filter({beyond})") == []
        clipped = "(one) => one.clientWidth > 0 && one.scrollWidth > one.clientWidth + 1"
        assert visitor.page.run(f"{every}.filter({clipped}).map((one) => one.outerHTML)") == []
    for scheme in ("light", "dark"):
        visitor.page.media(prefers_color_scheme=scheme)
        assert min(contrasts(visitor.page)) >= 4.5
        corner = np.array(Image.open(io.BytesIO(visitor.page.screenshot())).convert("L"))[2, 2]
        assert corner > 240 if scheme == "light" else corner < 40


def test_nothing_moves(visitor):
    visitor.page.media(prefers_reduced_motion="reduce")
    moving = "({ animationName, transitionDuration }) => animationName !== 'none' || transitionDuration !== '0s'"
    styles = "[...document.querySelectorAll('*')].map((element) => getComputedStyle(element))"
    assert visitor.page.run(f"{styles}.length") > 40 and visitor.page.run(f"{styles}.filter({moving}).length") == 0


def contrasts(page) -> list[float]:
    """Of each text on its background, as WCAG 2 defines it."""
    script = """[...document.body.querySelectorAll('*')].filter((element) => element.checkVisibility() &&
        [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim())).map((element) => {
          let ground = element;
          while (ground !== document.documentElement && getComputedStyle(ground).backgroundColor === 'rgba(0, 0, 0, 0)')
            ground = ground.parentElement;
          return [getComputedStyle(element).color, getComputedStyle(ground).backgroundColor]; })"""
    return [contrast(*map(luminance, colours)) for colours in page.run(script)]


def luminance(colour: str) -> float:
    channels = np.array([int(number) for number in re.findall(r"\d+", colour)[:3]]) / 255
    linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


def contrast(one: float, other: float) -> float:
    return (max(one, other) + 0.05) / (min(one, other) + 0.05)
