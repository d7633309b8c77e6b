"""What a network file tells about its networks: the names they are created by, and what the papers say of them."""

from __future__ import annotations

import inspect
import textwrap
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import torch
from torch import nn


@dataclass(frozen=True)
class Paper:
    """Where a network was published: authors, year (None where the paper bears none), title, where to find it."""

    authors: str
    year: int | None
    title: str
    where: str = ""

    def __str__(self) -> str:
        return f"{self.authors} ({self.year or 'no year given'}), {self.title}" + (
            f", {self.where}" if self.where else ""
        )


@dataclass(frozen=True)
class Description:
    """A network beside its paper: what the paper says, what is built here by default, and where the two differ.

    Attributes:
        name: what ``create`` is given.
        title: one line of what the network is.
        paper: where it was published.
        table_row: what the paper's table says of it: parameters, multiply-adds, size, accuracy.
        differs: what differs here and why.
        input_size: (height, width) in pixels.
        in_channels: channels of the images.
        embedding_dim: D of the embeddings (N, D).
        parameters: how many are built here, with the affine ones of batch norm, without its running statistics.
        options: what ``create`` accepts beside the name and the seed, with the values used where none are given.
    """

    name: str
    title: str
    paper: Paper
    table_row: str
    differs: str
    input_size: tuple[int, int]
    in_channels: int
    embedding_dim: int
    parameters: int
    options: Mapping[str, object]

    def __str__(self) -> str:
        height, width = self.input_size
        images, embeddings = f"(N, {self.in_channels}, {height}, {width})", f"(N, {self.embedding_dim})"
        built = f"{self.parameters:,} parameters; images {images} -> embeddings {embeddings}"
        options = ", ".join(f"{option}={value!r}" for option, value in self.options.items())
        rows = {"paper": self.paper, "reports": self.table_row, "here": built, "differs": self.differs}
        lines = [f"{self.name}: {self.title}"]
        for label, text in (rows | {"options": options}).items():
            unbroken = str(text).replace(" %", "\N{NO-BREAK SPACE}%")
            lines.append(textwrap.fill(unbroken, 110, initial_indent=f"  {label:9}", subsequent_indent=" " * 11))
        return "\n".join(lines).replace("\N{NO-BREAK SPACE}", " ")


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One name that ``create`` knows, as a network file lists it in its ``NETWORKS: dict[str, Entry]``.

    Attributes:
        network: the class; its keyword arguments are the options. It has the attributes ``input_size``, ``in_channels``
            and ``embedding_dim``, and can be built on PyTorch's "meta" device: its constructor reads no tensor's value.
        title, paper, table_row, differs: see ``Description``.
        options: values that make this network out of the class, such as ``{"head": "m"}``; the caller can give others.
        small: options that shrink the network until it runs in a blink, for trying things out; {} where it does anyway.
    """

    network: Callable[..., nn.Module]
    title: str
    paper: Paper
    table_row: str
    differs: str
    options: Mapping[str, object] = field(default_factory=dict)
    small: Mapping[str, object] = field(default_factory=dict)

    def defaults(self) -> dict[str, object]:
        """Every option with the value it has where the caller gives none."""
        parameters = inspect.signature(self.network).parameters.values()
        return {parameter.name: parameter.default for parameter in parameters} | dict(self.options)

    def build(self, **options: object) -> nn.Module:
        """A new network, with ``options`` over those of the entry."""
        return self.network(**{**self.options, **options})

    def describe(self, name: str) -> Description:
        """The description under a name. The sizes are read off a network built without memory for its weights."""
        with torch.device("meta"):
            network = self.build()
        return Description(
            name=name,
            title=self.title,
            paper=self.paper,
            table_row=self.table_row,
            differs=self.differs,
            input_size=network.input_size,
            in_channels=network.in_channels,
            embedding_dim=network.embedding_dim,
            parameters=sum(parameter.numel() for parameter in network.parameters()),
            options=self.defaults(),
        )
