from __future__ import annotations

import pytest
import torch
from torch import nn

from course_lib.backbones.registry import Entry, Paper


class Toy(nn.Linear):
    def __init__(self, *, width: int = 2, embedding_dim: int = 3) -> None:
        super().__init__(width, embedding_dim)
        self.input_size, self.in_channels, self.embedding_dim = (1, width), 1, embedding_dim


ENTRY = Entry(
    network=Toy,
    options={"width": 4},
    title="a toy",
    paper=Paper("Doe", 1999, "Toys", "Journal of Toys"),
    table_row="Table 7: 15 parameters.",
    differs="Nothing.",
)


def test_options_of_the_entry_stand_over_the_networks_and_the_callers_over_both():
    assert ENTRY.build().in_features == 4
    assert ENTRY.build(width=5, embedding_dim=1).weight.shape == (1, 5)
    assert ENTRY.defaults() == {"width": 4, "embedding_dim": 3}


def test_a_description_tells_what_is_built():
    description = ENTRY.describe("toy")
    assert (description.name, description.input_size, description.embedding_dim) == ("toy", (1, 4), 3)
    assert description.parameters == 4 * 3 + 3
    assert str(description) == (
        "toy: a toy\n"
        "  paper    Doe (1999), Toys, Journal of Toys\n"
        "  reports  Table 7: 15 parameters.\n"
        "  here     15 parameters; images (N, 1, 1, 4) -> embeddings (N, 3)\n"
        "  differs  Nothing.\n"
        "  options  width=4, embedding_dim=3"
    )


def test_describing_draws_no_random_numbers():
    torch.manual_seed(3)
    expected = torch.rand(1)
    torch.manual_seed(3)
    ENTRY.describe("toy")
    assert torch.equal(torch.rand(1), expected)


def test_a_paper_without_year_says_so():
    assert str(Paper("Doe", None, "Toys")) == "Doe (no year given), Toys"


def test_a_description_cannot_be_changed():
    with pytest.raises(AttributeError):
        ENTRY.describe("toy").parameters = 3


def test_long_lines_are_folded():
    entry = Entry(network=Toy, title="t", paper=ENTRY.paper, table_row="99.5 % " * 60, differs="Nothing.")
    lines = str(entry.describe("toy")).splitlines()
    assert max(map(len, lines)) <= 110
    assert not any(line.strip().startswith("%") for line in lines), "a number is cut off from its unit"
    assert not any("\N{NO-BREAK SPACE}" in line for line in lines)
