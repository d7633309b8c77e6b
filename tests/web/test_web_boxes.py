"""What the page keeps of many boxes is what the library keeps; in Node, where there is one."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from course_lib.alignment import MTCNN
from course_lib.alignment import boxes as library

SOURCES = Path(__file__).resolve().parents[2] / "web" / "src"
NODE = shutil.which("node")

pytestmark = pytest.mark.skipif(
    NODE is None and not os.environ.get("CI"), reason="there is no Node to run the page's JavaScript with"
)


def js(body: str, given: Any, sources: Path = SOURCES) -> Any:
    """What JavaScript returns that has the modules' functions and ``given``."""
    code = f"""
      import {{ readFileSync }} from "node:fs";
      import {{ nms, overlap }} from {json.dumps((sources / "boxes.js").as_uri())};
      import {{ detect }} from {json.dumps((sources / "mtcnn.js").as_uri())};
      const given = JSON.parse(readFileSync(0, "utf8"));
      console.log(JSON.stringify(await (async () => {{ {body} }})()));
    """
    command = [NODE, "--input-type=module", "--eval", code]
    done = subprocess.run(command, input=json.dumps(given), capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def drawn(seed: int, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Of many sizes, some of them empty, turned inside out, twice the same or huge, with equal scores among them."""
    generator = np.random.default_rng(seed)
    corner = generator.uniform(0, 12 * np.sqrt(count), (count, 2))
    boxes = np.hstack([corner, corner + np.exp(generator.uniform(1, 5, (count, 2)))])
    boxes[::7] = boxes[::7].round()
    boxes[::11, 2:] = boxes[::11, :2] - generator.integers(0, 2, (len(boxes[::11]), 2))
    boxes[1::13] = boxes[0::13][: len(boxes[1::13])]
    boxes[::17] *= 1e20
    return boxes, generator.integers(0, max(1, count // 2), count) / count


def test_the_boxes_kept_are_the_librarys_in_their_order():
    cases = [
        (*drawn(seed, count), threshold, mode)
        for seed, count in enumerate((0, 1, 30, 200, 3000))
        for threshold in (0.0, 0.4, 0.7)
        for mode in library.MODES
    ]
    given = [
        {"boxes": boxes.tolist(), "scores": scores.tolist(), "threshold": threshold, "mode": mode}
        for boxes, scores, threshold, mode in cases
    ]
    body = """
      return given.map(({ boxes, scores, threshold, mode }) => nms(
        boxes.map((box, index) => ({ box, score: scores[index], index })), threshold, mode).map(({ index }) => index));
    """
    for (boxes, scores, threshold, mode), found in zip(cases, js(body, given), strict=True):
        assert found == library.nms(boxes, scores, threshold, mode=mode).tolist()


def test_how_much_boxes_overlap_is_the_librarys():
    boxes, others = drawn(1, 40)[0], drawn(2, 50)[0]
    given = {"boxes": boxes.tolist(), "others": others.tolist()}
    for mode in library.MODES:
        body = f"return given.boxes.map((one) => given.others.map((other) => overlap(one, other, '{mode}')));"
        np.testing.assert_array_equal(js(body, given), library.overlap(boxes, others, mode=mode))


def test_four_times_as_many_boxes_are_four_times_the_work():
    """Counted in looks at a box."""
    looks = []
    for count in (4_000, 16_000):
        generator = np.random.default_rng(count)
        corner = generator.uniform(0, 20 * np.sqrt(count), (count, 2))
        boxes = np.hstack([corner, corner + generator.uniform(5, 40, (count, 2))])
        body = """
          let looks = 0;
          const seen = (box) => new Proxy(box, { get: (target, key) => { looks += key === "2"; return target[key]; } });
          nms(given.map((box, index) => ({ box: seen(box), score: -index })), 0.5, "min");
          return looks;
        """
        looks.append(js(body, boxes.tolist()))
    assert looks[1] < 5 * looks[0]


def test_of_too_many_candidates_the_least_sure_are_left_out_and_counted(tmp_path: Path):
    """Networks that take every place for a face, and none at second sight; a page that looks at 500."""
    body = """
      let looked = 0, left = 0;
      const run = async (name, input, shape) => {
        const [count, , height, width] = shape;
        if (name === "rnet") {
          looked += count;
          return { scores: { data: new Float32Array(count) }, shifts: { data: new Float32Array(4 * count) } };
        }
        const rows = Math.floor((height - 12) / 2) + 1, columns = Math.floor((width - 12) / 2) + 1;
        const scores = { data: new Float32Array(rows * columns).fill(0.9), dims: [1, rows, columns] };
        return { scores, shifts: { data: new Float32Array(4 * rows * columns) } };
      };
      const photograph = { width: given, height: given, data: new Uint8ClampedArray(4 * given * given) };
      const faces = await detect(photograph, run, (count) => { left += count; });
      return [faces.length, looked, left];
    """
    faces, looked, left = js(body, 300)
    assert (faces, left) == (0, 0) and looked > 1000
    assert MTCNN().max_candidates == 50_000
    for source in SOURCES.glob("*.js"):
        shutil.copy(source, tmp_path)
    text = (SOURCES / "mtcnn.js").read_text(encoding="utf-8")
    limit = "MAX_CANDIDATES = 50000;"
    assert limit in text
    (tmp_path / "mtcnn.js").write_text(text.replace(limit, "MAX_CANDIDATES = 500;"), encoding="utf-8")
    (tmp_path / "package.json").write_text('{"type": "module"}', encoding="utf-8")
    assert js(body, 300, tmp_path) == [0, 500, looked - 500]
