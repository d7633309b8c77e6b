"""``python -m benchmarks [NAME ...]``: run the quick comparisons, or those named, and print each beside its target."""

from __future__ import annotations

import argparse
import importlib
import time

from benchmarks.comparison import table

# What each takes on two cores. The quick ones are run when none is named.
QUICK = {
    "training": "5 minutes",
    "center_loss": "1 minute",
    "alignment": "1 minute",
    "locally_connected": "1 minute",
    "mobilefacenet": "2 minutes",
    "arcface": "1 minute",
    "import_time": "1 minute",
    "tar_at_far": "2 minutes",
    "rank_k": "3 minutes",
    "kfold": "1 minute",
    "gallery_kill": "3 minutes",
    "gallery_search": "1 minute",
}
LONG = {
    "backbone_latency": "5 minutes",
    "backbone_accuracy": "2 hours",
    "inception_shortcut": "20 minutes",
    "squeeze_excitation": "20 minutes",
    "vit_positions": "30 minutes",
    "training_accuracy": "10 minutes",
    "digits_center_loss": "6 minutes",
    "misalignment": "20 minutes",
    "sgd_vs_sam_orl": "15 minutes",
    "center_loss_orl": "6 minutes",
    "center_loss_faces": "2 hours",
    "gdconv": "1 hour",
    "linear_bottleneck": "7 minutes",
    "heads_orl": "15 minutes",
    "own_kernels": "2 minutes",
    "alignment_accuracy": "30 minutes",
    "crop_or_landmarks": "10 minutes",
    "mtcnn_lfw": "3 minutes",
    "retinaface_lfw": "2 minutes",
    "losses_on_faces": "2 hours",
    "sam": "3 minutes",
    "shipped_model": "10 minutes",
    "int8_thresholds": "1 minute",
    "exported": "2 minutes",
    "shipped_tried": "1 hour",
    "width_bits": "3 hours",
    "int8_choices": "40 minutes",
    "ptq_qat": "40 minutes",
    "transfer_orl": "25 minutes",
    "transfer_faces": "20 minutes",
    "imagenet_features": "1 minute",
    "distillation_orl": "20 minutes",
    "real_machines": "20 minutes",
    "strided_convolution": "5 minutes",
}
BUSY_PERCENT = 5  # other programs above this: say so


def main(arguments: list[str] | None = None) -> None:
    """Run one after the other, and print each table as soon as it is there."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join([*QUICK, *LONG])}")
    parser.add_argument("--list", action="store_true", help="say what there is, and run nothing")
    options = parser.parse_args(arguments)
    unknown = sorted(set(options.names) - {*QUICK, *LONG})
    if unknown:
        parser.error(f"there is no benchmark {', '.join(unknown)}; there are {', '.join([*QUICK, *LONG])}")
    if options.list:
        for name, minutes in {**QUICK, **LONG}.items():
            print(f"{name:20} {minutes:11} {'' if name in QUICK else '(only by name) '}{benchmark(name).__doc__}")
        return
    for name in options.names or QUICK:
        run(name)


def run(name: str) -> None:
    """Run one benchmark, which writes its record, and print its table."""
    module = benchmark(name)
    print(f"\n{module.__doc__}", flush=True)
    started = time.perf_counter()
    figures = module.main()
    print(table(figures["comparisons"]))
    print(f"{time.perf_counter() - started:.0f} s, written to benchmarks/records/{name}.json", flush=True)
    busy = figures.get("others_cpu_percent", 0.0)
    if busy > BUSY_PERCENT:
        print(f"Other programs took {busy:.0f} % of the processor meanwhile: repeat this on a quiet machine.")


def benchmark(name: str):  # noqa: ANN201 - a module
    """The module of that name."""
    return importlib.import_module(f"benchmarks.{name}")


if __name__ == "__main__":
    main()
