"""``python -m course_lib.weights FACES FOLDER``: train the model that the course ships, by its recipe."""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

from course_lib.data import face_folder
from course_lib.training import save_weights
from course_lib.weights.recipe import Recipe, described, distil
from course_lib.weights.teacher import load_teacher


def main(arguments: list[str] | None = None) -> None:
    """Train, or go on training, and write ``student.safetensors`` and ``training.json`` into the folder."""
    parser = argparse.ArgumentParser(prog="python -m course_lib.weights", description=__doc__)
    parser.add_argument("faces", type=Path, help="a folder of aligned 112x112 faces, IDENTITY/IMAGE.jpg")
    parser.add_argument("folder", type=Path, help="for checkpoints and the result; start again to go on")
    parser.add_argument("--precision", default="bf16-mixed", help="as Lightning Fabric's; bf16-mixed by default")
    options = parser.parse_args(arguments)
    recipe, started = Recipe(), time.monotonic()
    student, history = distil(
        face_folder(options.faces, size=(112, 112)), load_teacher(), options.folder, recipe, precision=options.precision
    )
    save_weights(student, options.folder / "student.safetensors")
    training_hours = sum(history["seconds"]) / 3600
    record = {
        "recipe": described(recipe),
        "precision": options.precision,
        "training_hours": round(training_hours, 3),
        "hours_of_this_call": round((time.monotonic() - started) / 3600, 3),
        "history": history.rows,
    }
    (options.folder / "training.json").write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    print(f"cosine distance to the teacher {history.last['loss']:.4f}, {training_hours:.2f} hours of training")


if __name__ == "__main__":
    main()
