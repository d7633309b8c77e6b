"""The browser page, served to this machine alone. Standard library only; ``make web`` builds what is served."""

from __future__ import annotations

import os
import webbrowser
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from course_lib.shipped import shipped

HOST, PORT = "127.0.0.1", 8009
# All comes from the page's own server, and nothing is sent anywhere: no form, no other host, no frame around it.
POLICY = (
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; connect-src 'self';"
    " img-src 'self' data:; form-action 'none'; base-uri 'none'"
)
HEADERS = {
    "Content-Security-Policy": f"{POLICY}; frame-ancestors 'none'",
    "Permissions-Policy": "camera=(self), microphone=(), geolocation=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-cache",
}
TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css",
    ".js": "text/javascript",
    ".mjs": "text/javascript",
    ".wasm": "application/wasm",
    ".json": "application/json",
    ".txt": "text/plain; charset=utf-8",
    ".onnx": "application/octet-stream",
}


class Handler(SimpleHTTPRequestHandler):
    """Gives out files with the page's headers; takes nothing."""

    extensions_map = TYPES

    def end_headers(self) -> None:
        """With the page's own."""
        for name, value in HEADERS.items():
            self.send_header(name, value)
        super().end_headers()

    def list_directory(self, path: str | os.PathLike[str]) -> None:
        """None: only files are given out."""
        self.send_error(404)

    def log_message(self, *arguments: object) -> None:
        """Nothing: who looks at what is nobody's business."""


def server(port: int, folder: Path | None = None) -> ThreadingHTTPServer:
    """A server of the built page on this machine's own address, not started.

    Args:
        port: 0 takes a free one.
        folder: of the page; by default the one that the course was installed with, or that ``make web`` built.

    Raises:
        FileNotFoundError: the page was not built.
        OSError: the port is taken, or none.
    """
    folder = shipped("page") if folder is None else folder
    if not (folder / "index.html").is_file():
        raise FileNotFoundError(f"{folder} holds no page; in a clone, make web builds it (it needs Node.js)")
    try:
        return ThreadingHTTPServer((HOST, port), partial(Handler, directory=str(folder)))
    except (OSError, OverflowError) as error:
        raise OSError(f"port {port} cannot be used ({error}); name another one, such as --port 8010") from None


def serve(port: int = PORT, *, open_browser: bool = False) -> None:
    """Serve the page until Ctrl-C, and say where; raises as ``server``."""
    with server(port) as running:
        address = f"http://{HOST}:{running.server_address[1]}/"
        print(f"The page is at {address} for this machine alone. Ctrl-C ends it.", flush=True)
        if open_browser:
            webbrowser.open(address)
        try:
            running.serve_forever()
        except KeyboardInterrupt:
            print("Ended.")
