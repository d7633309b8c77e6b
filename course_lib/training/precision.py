"""Which number format to train in."""

from __future__ import annotations

import torch


def resolve_precision(precision: str, accelerator: str = "auto") -> str:
    """Turn ``"auto"`` into ``"bf16-mixed"`` where the processor multiplies bfloat16 natively, else ``"32-true"``.

    On a CPU that is AVX512-BF16 or AMX; on CUDA compute capability 8.0 or higher. Without such units bfloat16 is
    emulated, and slower than float32. Any other value is passed on to Lightning Fabric as it is.
    """
    if precision != "auto":
        return precision
    if accelerator in ("auto", "gpu", "cuda") and torch.cuda.is_available():
        fast = torch.cuda.get_device_capability() >= (8, 0)
    elif accelerator == "cpu" or (accelerator == "auto" and not torch.backends.mps.is_available()):
        fast = torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
    else:
        fast = False
    return "bf16-mixed" if fast else "32-true"
