"""A strong face embedder that none of the course's networks is: the 5 MB MobileFaceNet of an npm package, by LiteRT."""

from __future__ import annotations

import numpy as np

from course_lib.paths import data_folder

FILE = "mobilefacenet_teacher.tflite"


class Teacher:
    """RGB crops, uint8 (N, 112, 112, 3), to embeddings (N, 192) of length one; photograph and mirror image are summed.

    Raises:
        FileNotFoundError: the weights are not there.
        ModuleNotFoundError: LiteRT is not installed.
    """

    def __init__(self, threads: int = 1) -> None:
        weights = data_folder() / "models" / FILE
        if not weights.is_file():
            raise FileNotFoundError(f"{weights} is not there; fetch it with: python data_scripts/get_teacher.py")
        try:
            from ai_edge_litert.interpreter import Interpreter
        except ModuleNotFoundError as error:
            raise ModuleNotFoundError(
                "LiteRT, which runs the teacher, is not installed; pip install -e .[litert]"
            ) from error
        self._interpreter = Interpreter(str(weights), num_threads=threads)
        self._interpreter.allocate_tensors()
        self._input = self._interpreter.get_input_details()[0]["index"]
        self._output = self._interpreter.get_output_details()[0]["index"]

    def embed(self, crops: np.ndarray) -> np.ndarray:
        """See the class."""
        return np.stack([self._embed_one(crop) for crop in crops])

    def _embed_one(self, crop: np.ndarray) -> np.ndarray:
        both = np.stack([crop, crop[:, ::-1]]).astype(np.float32)  # its batch is two, always
        self._interpreter.set_tensor(self._input, (both - 127.5) / 128)
        self._interpreter.invoke()
        summed = self._interpreter.get_tensor(self._output).sum(0)
        return summed / np.linalg.norm(summed)
