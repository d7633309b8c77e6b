"""How far oneDNN's fault in strided 1x1 convolutions reaches, and that ours are out of it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from benchmarks.comparison import spread
from benchmarks.record import write_record
from course_lib.pointwise import SAFE_CHANNELS, PointwiseConv, in_reach

SEED = 0
# glibc fills memory with other bytes when it is given and taken back, and looks for what was written behind a block.
CHECKED = {"MALLOC_PERTURB_": "165", "MALLOC_CHECK_": "3", "LD_PRELOAD": "libc_malloc_debug.so.0"}
# oneDNN chooses its kernels by the processor, up to these instructions; PyTorch's own switch does not move it.
PROCESSORS = {
    "all instructions": {},
    "AVX-512": {"ONEDNN_MAX_CPU_ISA": "AVX512_CORE"},
    "AVX2": {"ONEDNN_MAX_CPU_ISA": "AVX2"},
    "SSE 4.1": {"ONEDNN_MAX_CPU_ISA": "SSE41"},
    "PyTorch without vectors": {"ATEN_CPU_CAPABILITY": "default"},
}
SIZES = ((2, 2), (8, 8), (16, 16), (32, 32), (56, 46), (55, 46), (55, 55), (64, 64), (112, 112))
STEPS = 3
TIME_LIMIT = 30  # seconds of one case
CANARIES = 64  # blocks of memory beside the convolution's, whose numbers must stay
FINE = "fine"
OVERWRITTEN, WRONG = 3, 4  # exit codes
ENDS = {0: FINE, OVERWRITTEN: "foreign memory overwritten", WRONG: "wrong numbers"}
TOLERANCE = {"float32": 1e-4, "bfloat16": 3e-2}  # of the largest number


@dataclass(frozen=True)
class Case:
    """A convolution, its input and its layout in memory: ``"channels last"`` or ``"contiguous"``."""

    channels_in: int = 8
    channels_out: int = 16
    height: int = 56
    width: int = 56
    batch: int = 4
    stride: tuple[int, int] = (2, 2)
    kernel: int = 1
    padding: int = 0
    groups: int = 1
    dtype: str = "float32"
    layout: str = "channels last"
    is_ours: bool = False

    def layer(self) -> nn.Conv2d:
        """PyTorch's convolution, or ``PointwiseConv``."""
        if self.is_ours:
            return PointwiseConv(self.channels_in, self.channels_out, stride=self.stride, bias=False)
        shape = (self.channels_in, self.channels_out, self.kernel, self.stride, self.padding)
        return nn.Conv2d(*shape, groups=self.groups, bias=False)


def main() -> dict[str, Any]:
    """Sweep, and write the record.

    Raises:
        OSError: not Linux with glibc 2.34 or later, whose memory checks this needs.
    """
    figures = measure(cases())
    write_record("strided_convolution", "python -m benchmarks strided_convolution", SEED, figures)
    return figures


def cases() -> list[Case]:
    """One thing after the other is changed in the convolution that crashed, and where it matters two."""
    one = Case()
    widths = [replace(one, channels_in=n) for n in (1, 2, 3, 4, 7, 8, 9, 12, 15, 16, 17, 24, 31, 32, 64)]
    found = [
        *widths,
        *(replace(case, layout="contiguous") for case in widths),
        *(replace(case, dtype="bfloat16") for case in widths),
        *(replace(one, channels_in=i, channels_out=o) for i in (3, 8) for o in (1, 8, 15, 32, 64)),
        *(replace(one, channels_in=i, stride=s) for i in (3, 8) for s in ((1, 1), (1, 2), (2, 1), (4, 4))),
        *(replace(one, channels_in=i, height=h, width=w) for i in (3, 8) for h, w in SIZES),
        *(replace(one, channels_in=i, kernel=k, padding=p) for i in (3, 8) for k, p in ((1, 1), (2, 0), (3, 1))),
        *(replace(one, groups=g) for g in (2, 8)),
        *(replace(one, batch=n) for n in (1, 32)),
    ]
    can_be_ours = [case for case in found if (case.kernel, case.padding, case.groups) == (1, 0, 1)]
    return found + [replace(case, is_ours=True) for case in can_be_ours]


def measure(chosen: Sequence[Case], processors: Iterable[str] = PROCESSORS) -> dict[str, Any]:
    """How each case ends on each processor, in their order; one process a processor, and a fork of it a case."""
    ends = {processor: run(chosen, PROCESSORS[processor]) for processor in processors}
    reached = [case for case, *of_each in zip(chosen, *ends.values(), strict=True) if set(of_each) != {FINE}]
    foreseen = [case for case in chosen if in_reach(case.layer()) and not case.is_ours]
    beyond = [case for case in reached if not case.is_ours and case not in foreseen]
    return {
        "settings": {"default": asdict(Case()), "steps": STEPS, "checks": CHECKED, "processors": PROCESSORS},
        "ends": {
            described(case): "; ".join(of_each[index] for of_each in ends.values()) for index, case in enumerate(chosen)
        },
        "comparisons": [
            counted("PyTorch's, cases that crash or err", [case for case in reached if not case.is_ours]),
            counted(f"of those, not strided 1x1 from below {SAFE_CHANNELS} channels", beyond, target=0, at_least=False),
            counted("PointwiseConv's", [case for case in reached if case.is_ours], target=0, at_least=False),
        ],
    }


def counted(name: str, found: Sequence[Case], **target: Any) -> dict[str, Any]:
    """How many cases, beside the target."""
    return spread(name, [len(found)], unit="cases", **target).plain()


def described(case: Case) -> str:
    """What is other than in the convolution that crashed."""
    changed = {name: value for name, value in asdict(case).items() if value != getattr(Case(), name)}
    return ", ".join(f"{name} {value}" for name, value in changed.items()) or "default"


def run(chosen: Sequence[Case], environment: dict[str, str]) -> list[str]:
    """How each case ends in a process with such an environment."""
    if not sys.platform.startswith("linux"):
        raise OSError("the memory checks of this benchmark are glibc's; run it on Linux")
    variables = os.environ | CHECKED | environment | {"OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "benchmarks.strided_convolution"]
    given = json.dumps([asdict(case) for case in chosen])
    root = Path(__file__).resolve().parents[1]
    done = subprocess.run(command, input=given, capture_output=True, text=True, env=variables, cwd=root, check=True)
    return json.loads(done.stdout)


def end_of(case: Case) -> str:
    """How a fork of this process ends that trains the case for some steps."""
    child = os.fork()
    if child == 0:
        os.close(2)  # glibc's last words
        signal.alarm(TIME_LIMIT)
        os._exit(train(case))
    _, status = os.waitpid(child, 0)
    number = os.waitstatus_to_exitcode(status)
    if number == -signal.SIGALRM:
        return f"no end in {TIME_LIMIT} s"
    return ENDS[number] if number >= 0 else f"signal {-number}"


def train(case: Case) -> int:
    """Some steps, each compared with the same in float64: the exit code of ``ENDS``."""
    torch.manual_seed(SEED)
    dtype = getattr(torch, case.dtype)
    layout = torch.channels_last if case.layout == "channels last" else torch.contiguous_format
    layer = case.layer().to(dtype)
    exact = case.layer().double()
    exact.weight.data.copy_(layer.weight)
    images = torch.randn(case.batch, case.channels_in, case.height, case.width).to(dtype)
    expected = backward(exact, images.double())
    layer.to(memory_format=layout)
    # Every second block is given back: the convolution's working memory comes to lie between the others.
    blocks = [torch.full((case.channels_in, case.height // 2, case.width // 2), 7.0) for _ in range(CANARIES)]
    canaries = blocks[::2]
    del blocks
    for _ in range(STEPS):
        found = backward(layer, images.contiguous(memory_format=layout))
        if any((canary != 7).any() for canary in canaries):
            return OVERWRITTEN
        if not all(is_close(a, b, TOLERANCE[case.dtype]) for a, b in zip(found, expected, strict=True)):
            return WRONG
    return 0


def backward(layer: nn.Conv2d, images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The output, and the gradients of half its squares with respect to the images and the weights."""
    images = images.detach().clone(memory_format=torch.preserve_format).requires_grad_()
    output = layer(images)
    gradients = torch.autograd.grad(output.square().sum() / 2, (images, layer.weight))
    return output.detach(), *gradients


def is_close(found: Tensor, expected: Tensor, tolerance: float) -> bool:
    """Whether no number is off by more than a part of the largest; NaN is not close to anything."""
    return bool((found.double() - expected).abs().max() <= tolerance * expected.abs().max())


if __name__ == "__main__":
    torch.set_num_threads(1)
    json.dump([end_of(Case(**{**case, "stride": tuple(case["stride"])})) for case in json.load(sys.stdin)], sys.stdout)
