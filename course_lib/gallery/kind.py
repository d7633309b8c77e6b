"""What templates must have in common to be compared with each other."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields


class IncompatibleError(ValueError):
    """A gallery's file holds templates of another kind; the message names both."""


@dataclass(frozen=True)
class TemplateKind:
    """How templates are made: two of different kinds have a cosine too, but it means nothing.

    Attributes:
        model: the fingerprint of the network's structure and weights.
        embedding_size: numbers in a template.
        flip: whether the embedding of the mirrored face is added.
        crop: height and width of the aligned face, in pixels.
        landmarks: where its five landmarks are brought to, x and y in pixels: the alignment template.
    """

    model: str
    embedding_size: int
    flip: bool
    crop: tuple[int, int]
    landmarks: tuple[tuple[float, float], ...]

    def as_text(self) -> dict[str, str]:
        """Each attribute as JSON: what the file holds."""
        return {name: json.dumps(value) for name, value in asdict(self).items()}

    def check(self, there: dict[str, str], where: str) -> None:
        """Compare with what a file holds; raises ``IncompatibleError``."""
        here = self.as_text()
        names = [field.name for field in fields(self) if there.get(field.name) != here[field.name]]
        if names:
            both = "; ".join(
                f"{name.replace('_', ' ')} {_short(there.get(name, 'unknown'))} there, {_short(here[name])} here"
                for name in names
            )
            raise IncompatibleError(
                f"{where} holds templates that cannot be compared with these: {both}. Open it with what they were made "
                "by, or enrol everyone again in another file"
            )


def _short(value: str) -> str:
    """The start of a fingerprint tells it from another; all else is shown whole, if it is no more than a template."""
    return value.strip('"')[:12] if value.startswith('"') else value[:200]
