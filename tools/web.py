"""The browser page: build web/dist, then serve it to this machine alone.

python tools/web.py                on http://127.0.0.1:8009/, until Ctrl-C
python tools/web.py --port 8010    on another port
python tools/web.py --build-only   leave the finished page in web/dist
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))  # started by path, from any folder

from benchmarks.record import read_record  # noqa: E402
from course_lib import page  # noqa: E402
from course_lib.browser import browser_can_open  # noqa: E402
from tools.installer import SetupError, say  # noqa: E402

WEB = ROOT / "web"
DIST = WEB / "dist"
PACKAGES = WEB / "node_modules"
PAGE = ("index.html", "style.css", "NOTICES.txt")
RUNTIME = ("ort.wasm.min.mjs", "ort-wasm-simd-threaded.mjs", "ort-wasm-simd-threaded.wasm")
EMBEDDER = ROOT / "course_lib/weights/mobilefacenet_075_relu.int8.onnx"
CARD = EMBEDDER.with_name("mobilefacenet_075_relu.md")
DETECTOR = ("pnet.onnx", "rnet.onnx", "onet.onnx")
DETECTOR_SOURCES = (
    "tools/web_networks.py",
    "course_lib/alignment/mtcnn_networks.py",
    "course_lib/weights/mtcnn.safetensors",
)
SETTINGS = ("default", "thresholds", "false_accepts", "false_rejects", "impostor_pairs", "genuine_pairs")
SECONDS = 300  # that npm gets


def main(arguments: list[str] | None = None) -> int:
    """Build, then serve; the exit code."""
    parser = argparse.ArgumentParser(prog="make web", description="Build the browser page and serve it.")
    parser.add_argument("--port", type=int, default=page.PORT, help=f"default: {page.PORT}")
    parser.add_argument("--build-only", action="store_true", help="write web/dist and stop")
    parser.add_argument("--no-browser", action="store_true", help="only print the address")
    options = parser.parse_args(arguments)
    try:
        build()
        if not options.build_only:
            page.serve(options.port, open_browser=not options.no_browser and browser_can_open())
    except (SetupError, OSError) as error:
        print(f"\n[face-course] {error}", file=sys.stderr)
        return 1
    return 0


def build() -> Path:
    """Write the page to ``web/dist``: plain files, for any server.

    Raises:
        SetupError: npm is missing, or could not fetch the package.
    """
    fetch_packages()
    for folder in ("src", "vendor"):
        shutil.rmtree(DIST / folder, ignore_errors=True)
    (DIST / "vendor").mkdir(parents=True)
    shutil.copytree(WEB / "src", DIST / "src")
    for name in PAGE:
        shutil.copy(WEB / name, DIST / name)
    for name in RUNTIME:
        shutil.copy(PACKAGES / "onnxruntime-web/dist" / name, DIST / "vendor" / name)
    write_models(DIST / "models")
    shutil.copy(CARD, DIST / "model_card.txt")
    (DIST / "settings.json").write_text(json.dumps(settings()), encoding="utf-8")
    return DIST


def fetch_packages() -> None:
    """``npm ci``, unless what the lock file names is already there."""
    done, lock = PACKAGES / ".package-lock.json", WEB / "package-lock.json"  # npm writes the former at the very end
    if done.exists() and done.stat().st_mtime >= lock.stat().st_mtime:
        return
    npm = shutil.which("npm")
    if npm is None:
        raise SetupError("npm was not found; the page's one package comes with it.", "Install Node.js 18 or newer.")
    say("Fetching onnxruntime-web with npm, once.")
    command = [npm, "ci", "--fetch-retries", "1", "--fetch-timeout", "20000"]
    try:
        ended = subprocess.run(
            command,
            cwd=WEB,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            stdin=subprocess.DEVNULL,
            timeout=SECONDS,
        )
    except subprocess.TimeoutExpired:
        raise SetupError(
            f"npm ci took more than {SECONDS} s.", "Check the network, then give the command again."
        ) from None
    if ended.returncode != 0:
        raise SetupError.from_output("npm ci failed", ended.stdout + ended.stderr)
    done.touch()


def write_models(folder: Path) -> None:
    """The embedder, which the course ships, and the detector's three networks, where they are missing or outdated."""
    folder.mkdir(exist_ok=True)
    shutil.copy(EMBEDDER, folder / "embedder.onnx")
    newest = max((ROOT / name).stat().st_mtime for name in DETECTOR_SOURCES)
    files = [folder / name for name in DETECTOR]
    if all(file.exists() and file.stat().st_mtime >= newest for file in files):
        return
    say("Writing the detector's networks as ONNX files, once.")
    from tools.web_networks import write_networks  # PyTorch with it

    write_networks(folder)


def settings() -> dict[str, object]:
    """The default threshold, and how many pairs of LFW's View 1 each threshold gets wrong."""
    figures = read_record("int8_thresholds")["figures"]
    return {name: figures[name] for name in SETTINGS}


if __name__ == "__main__":
    sys.exit(main())
