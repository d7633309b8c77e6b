"""Chromium without a window, for the tests of the page: driven through its DevTools protocol over two pipes.

A package that drives browsers brings 165 MB along; what these tests ask for takes one small file. The protocol:
https://chromedevtools.github.io/devtools-protocol/
"""

from __future__ import annotations

import base64
import fcntl
import json
import os
import select
import shutil
import subprocess
import sys
import time
from itertools import count
from pathlib import Path
from typing import Any

PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = (
    "--headless",
    "--remote-debugging-pipe",
    "--no-sandbox",  # which containers lack; the tests open nothing but the project's own page
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--use-fake-device-for-media-stream",
)
# The browser reads commands from file 3 and answers on file 4.
START = (
    "import os, sys; os.dup2(int(sys.argv[1]), 3); os.dup2(int(sys.argv[2]), 4); os.execv(sys.argv[3], sys.argv[3:])"
)
SECONDS = 60  # for one answer, on a busy machine
KEYS = {
    "Tab": 9,
    "Enter": 13,
    "Escape": 27,
    " ": 32,
    "Backspace": 8,
    "End": 35,
    "Home": 36,
    "ArrowLeft": 37,
    "ArrowUp": 38,
    "ArrowRight": 39,
    "ArrowDown": 40,
}


def program() -> str | None:
    """The path of the browser, if there is one."""
    return next(filter(None, map(shutil.which, PROGRAMS)), None)


class Chromium:
    """One browser; ``with Chromium(folder) as browser`` ends it."""

    def __init__(self, folder: Path) -> None:
        (read, answers), (commands, write) = os.pipe(), os.pipe()
        self._read, self._write = read, write
        theirs = [fcntl.fcntl(pipe, fcntl.F_DUPFD, 10) for pipe in (commands, answers)]  # clear of 3 and 4
        flags = [*FLAGS, f"--user-data-dir={folder}"]
        self._process = subprocess.Popen(
            [sys.executable, "-c", START, *map(str, theirs), program(), *flags],
            pass_fds=theirs,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for pipe in (*theirs, commands, answers):
            os.close(pipe)
        self._numbers, self._buffer = count(1), b""
        self.events: list[dict[str, Any]] = []

    def __enter__(self) -> Chromium:
        return self

    def __exit__(self, *error: object) -> None:
        try:
            self.send("Browser.close")
            self._process.wait(10)
        except (RuntimeError, TimeoutError, OSError, subprocess.TimeoutExpired):
            self._process.kill()
            self._process.wait()
        os.close(self._read)
        os.close(self._write)

    def send(self, method: str, session: str | None = None, **parameters: Any) -> dict[str, Any]:
        """One command and its result."""
        number = next(self._numbers)
        command = {"id": number, "method": method, "params": parameters, **({"sessionId": session} if session else {})}
        message = json.dumps(command).encode() + b"\0"
        while message:
            message = message[os.write(self._write, message) :]
        while (answer := self._next()).get("id") != number:
            self.events.append(answer)
        if "error" in answer:
            raise RuntimeError(f"{method}: {answer['error']['message']}")
        return answer["result"]

    def _next(self) -> dict[str, Any]:
        """The next message of the browser, an answer or an event."""
        until = time.monotonic() + SECONDS
        while b"\0" not in self._buffer:
            if not select.select([self._read], [], [], max(0, until - time.monotonic()))[0]:
                raise TimeoutError(f"the browser was silent for {SECONDS} s")
            more = os.read(self._read, 1 << 20)
            if not more:
                raise RuntimeError("the browser has ended")
            self._buffer += more
        message, _, self._buffer = self._buffer.partition(b"\0")
        return json.loads(message)


class Page:
    """A tab of its own, with nothing stored from other ones."""

    def __init__(self, browser: Chromium, width: int = 1000, height: int = 900) -> None:
        self.browser = browser
        self._context = browser.send("Target.createBrowserContext")["browserContextId"]
        target = browser.send("Target.createTarget", url="about:blank", browserContextId=self._context)["targetId"]
        self._session = browser.send("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Network", "Runtime", "DOM"):
            self.send(f"{domain}.enable")
        self.size(width, height)

    def send(self, method: str, **parameters: Any) -> dict[str, Any]:
        """A command to this tab."""
        return self.browser.send(method, self._session, **parameters)

    def close(self) -> None:
        self.browser.send("Target.disposeBrowserContext", browserContextId=self._context)

    def size(self, width: int, height: int) -> None:
        """Of the window, in CSS pixels."""
        self.send("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)

    def media(self, **features: str) -> None:
        """Such as ``prefers_color_scheme="dark"``."""
        named = [{"name": name.replace("_", "-"), "value": value} for name, value in features.items()]
        self.send("Emulation.setEmulatedMedia", features=named)

    def permit(self, origin: str, permission: str, setting: str) -> None:
        """``"granted"`` or ``"denied"``."""
        self.browser.send(
            "Browser.setPermission",
            permission={"name": permission},
            setting=setting,
            origin=origin,
            browserContextId=self._context,
        )

    def open(self, address: str) -> None:
        """Load a page anew, whatever is shown now."""
        for url, there in (("about:blank", "==="), (address, "!==")):
            self.send("Page.navigate", url=url)
            self.wait(f"document.readyState === 'complete' && location.href {there} 'about:blank'")

    def run(self, script: str) -> Any:
        """What a JavaScript expression gives, once a promise is kept; as JSON."""
        answer = self.send(
            "Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True, userGesture=True
        )
        if "exceptionDetails" in answer:
            details = answer["exceptionDetails"]
            raise RuntimeError(details.get("exception", {}).get("description", details["text"]))
        return answer["result"].get("value")

    def wait(self, condition: str) -> None:
        """Until a JavaScript expression is true."""
        until = time.monotonic() + SECONDS
        while not self.run(f"!!({condition})"):
            if time.monotonic() > until:
                raise TimeoutError(f"after {SECONDS} s this is still not so: {condition}")
            time.sleep(0.05)

    def press(self, *keys: str, shift: bool = False) -> None:
        """Keys of ``KEYS``, one after the other."""
        for key in keys:
            text = {"Enter": "\r", " ": " "}.get(key)
            values = {"key": key, "code": key, "windowsVirtualKeyCode": KEYS[key], "modifiers": 8 if shift else 0}
            kind = {"type": "keyDown", "text": text} if text else {"type": "rawKeyDown"}
            self.send("Input.dispatchKeyEvent", **kind, **values)
            self.send("Input.dispatchKeyEvent", type="keyUp", **values)

    def click(self, x: float, y: float) -> None:
        for kind in ("mousePressed", "mouseReleased"):
            self.send("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def choose(self, selector: str, file: Path) -> None:
        """A file for a file input."""
        element = self.send("Runtime.evaluate", expression=f"document.querySelector({json.dumps(selector)})")["result"]
        self.send("DOM.setFileInputFiles", files=[str(file)], objectId=element["objectId"])

    def screenshot(self) -> bytes:
        """The whole page as PNG."""
        return base64.b64decode(self.send("Page.captureScreenshot", captureBeyondViewport=True)["data"])

    def events(self, method: str) -> list[dict[str, Any]]:
        """What the tab reported under that name so far."""
        return [
            event["params"]
            for event in self.browser.events
            if event.get("sessionId") == self._session and event["method"] == method
        ]
