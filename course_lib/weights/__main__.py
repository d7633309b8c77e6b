"""``python -m course_lib.weights FACES FOLDER``: train the model that the course ships, by its recipe."""

from __future__ import annotations

import argparse
import json
from datetime import datetime, timezone
from pathlib import Path

import torch

from course_lib import export
from course_lib.data import ImageSet, face_folder
from course_lib.export.held_out import calibration_images
from course_lib.machine import cores
from course_lib.training import History, save_weights
from course_lib.weights.recipe import Recipe, described, distil
from course_lib.weights.teacher import load_teacher


def main(arguments: list[str] | None = None) -> None:
    """Train, or go on training, and write the student's three files into the folder: 32 bits, 8 bits, and how it was
    made."""
    parser = argparse.ArgumentParser(prog="python -m course_lib.weights", description=__doc__)
    parser.add_argument("faces", type=Path, help="a folder of aligned 112x112 faces, IDENTITY/IMAGE.jpg")
    parser.add_argument("folder", type=Path, help="for checkpoints and the result; start again to go on")
    parser.add_argument("--name", default="student", help="of the files; student by default")
    parser.add_argument("--precision", default="bf16-mixed", help="as Lightning Fabric's; bf16-mixed by default")
    options = parser.parse_args(arguments)
    faces, recipe = face_folder(options.faces, size=(112, 112)), Recipe()
    student, history = distil(faces, load_teacher(), options.folder, recipe, precision=options.precision)
    save_weights(student, options.folder / f"{options.name}.safetensors")
    fp32 = export.to_onnx(student, options.folder / f"{options.name}.onnx")
    export.quantize(fp32, calibration_images(faces, recipe.seed), options.folder / f"{options.name}.int8.onnx")
    record = how_it_was_made(faces, recipe, history, options.precision)
    (options.folder / f"{options.name}.json").write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    print(f"cosine distance to the teacher {history.last['loss']:.4f}, {record['training_hours']} hours of training")


def how_it_was_made(faces: ImageSet, recipe: Recipe, history: History, precision: str) -> dict[str, object]:
    """What a model card needs of the training."""
    return {
        "date": datetime.now(timezone.utc).date().isoformat(),
        "photographs": len(faces),
        "people": faces.n_classes,
        "recipe": described(recipe),
        "precision": precision,
        "threads": torch.get_num_threads(),
        "cores": cores(),
        "torch": torch.__version__,
        "training_hours": round(sum(history["seconds"]) / 3600, 2),
        "history": history.rows,
    }


if __name__ == "__main__":
    main()
