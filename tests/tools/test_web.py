"""The page's build; its server is in tests/test_page.py, and what the page does in tests/web."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest

from course_lib.page import POLICY
from tools import web
from tools.installer import SetupError

LICENCES = {"MIT", "Apache-2.0", "BSD-3-Clause", "ISC"}
LOCK = json.loads((web.WEB / "package-lock.json").read_text(encoding="utf-8"))


def test_one_package_is_asked_for_and_all_are_pinned_by_their_hash():
    manifest = json.loads((web.WEB / "package.json").read_text(encoding="utf-8"))
    (version,) = manifest["dependencies"].values()
    assert list(manifest["dependencies"]) == ["onnxruntime-web"] and re.fullmatch(r"\d+\.\d+\.\d+", version)
    assert "devDependencies" not in manifest and manifest["license"] == "Apache-2.0"
    root, *packages = LOCK["packages"].items()
    assert root[1]["dependencies"] == manifest["dependencies"]
    for name, package in packages:
        assert package["integrity"].startswith("sha512-"), name
        assert "resolved" not in package, f"{name} names the registry it came from"
        assert package["license"] in LICENCES, name


def test_the_page_names_nothing_of_another_host_and_forbids_it():
    page = (web.WEB / "index.html").read_text(encoding="utf-8")
    assert re.search(r'http-equiv="Content-Security-Policy" content="([^"]+)"', page)[1] == POLICY
    for file in (web.WEB / "index.html", web.WEB / "style.css", *(web.WEB / "src").glob("*.js")):
        assert not re.search(r"https?://|\burl\(", file.read_text(encoding="utf-8")), file.name


# --- npm ---


@pytest.fixture
def packages(tmp_path, monkeypatch) -> Path:
    """A project without packages, its lock file, and no npm."""
    (tmp_path / "package-lock.json").write_text("{}", encoding="utf-8")
    monkeypatch.setattr(web, "WEB", tmp_path)
    monkeypatch.setattr(web, "PACKAGES", tmp_path / "node_modules")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    return tmp_path / "node_modules"


def fake_npm(folder: Path, script: str) -> None:
    (folder / "bin").mkdir()
    (folder / "bin/npm").write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    (folder / "bin/npm").chmod(0o755)


def test_without_npm_it_says_what_to_install(packages, monkeypatch):
    with pytest.raises(SetupError, match="npm was not found"):
        web.fetch_packages()
    monkeypatch.setattr(web, "DIST", packages / "dist")
    assert web.main(["--build-only"]) == 1


@pytest.mark.skipif(os.name == "nt", reason="the stand-in for npm is a script with a #! line")
def test_npm_is_asked_once_and_again_when_the_lock_file_has_changed(packages):
    fake_npm(
        packages.parent,
        'echo "$1" >> calls; [ -d node_modules ] || /bin/mkdir node_modules; : > node_modules/.package-lock.json',
    )
    web.fetch_packages()
    web.fetch_packages()
    calls = packages.parent / "calls"
    assert calls.read_text() == "ci\n"
    later = (packages / ".package-lock.json").stat().st_mtime + 10
    os.utime(packages.parent / "package-lock.json", (later, later))
    web.fetch_packages()
    assert calls.read_text() == "ci\nci\n"


@pytest.mark.skipif(os.name == "nt", reason="the stand-in for npm is a script with a #! line")
def test_what_npm_complains_of_is_passed_on(packages):
    fake_npm(packages.parent, "echo 'npm error getaddrinfo ENOTFOUND registry.npmjs.org' >&2; exit 1")
    with pytest.raises(SetupError, match="could not be reached.*\n.*network"):
        web.fetch_packages()


# --- What is built ---


def test_the_networks_are_written_once_and_again_when_their_source_has_changed(tmp_path, monkeypatch):
    written = []

    def write_networks(folder: Path) -> None:
        written.append(folder)
        for name in web.DETECTOR:
            (folder / name).write_bytes(b"")

    monkeypatch.setattr("tools.web_networks.write_networks", write_networks)
    web.write_models(tmp_path / "models")
    web.write_models(tmp_path / "models")
    assert written == [tmp_path / "models"]
    assert (tmp_path / "models/embedder.onnx").read_bytes() == web.EMBEDDER.read_bytes()
    os.utime(tmp_path / "models/rnet.onnx", (0, 0))
    web.write_models(tmp_path / "models")
    assert len(written) == 2


def test_the_settings_are_those_of_the_record():
    settings = web.settings()
    steps = range(len(settings["thresholds"]))
    assert settings["thresholds"] == [pytest.approx(step / 100) for step in steps]  # the slider's steps
    assert settings["default"] in settings["thresholds"]
    assert len(settings["false_accepts"]) == len(settings["false_rejects"]) == len(steps)
