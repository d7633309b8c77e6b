"""A real HTTP server on loopback whose answers can be made to go wrong, and data sets that point at it."""

from __future__ import annotations

import gzip
import hashlib
import re
import socket
import struct
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from fetch import Dataset

Answer = Callable[[BaseHTTPRequestHandler], object]


@dataclass
class Loopback:
    """Answers by path; ``log`` holds (path, Range header, status) of every answer, in the order they began."""

    answers: dict[str, Answer] = field(default_factory=dict)
    log: list[tuple[str, str | None, int]] = field(default_factory=list)

    def __enter__(self) -> Loopback:
        answers, log = self.answers, self.log

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                answers[self.path](self)

            def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
                log.append((self.path, self.headers["Range"], int(code)))  # before a byte is sent: no race with tests

            def log_message(self, *_: object) -> None: ...

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self._server.server_port}{path}"

    def offer(self, path: str, answer: Answer) -> str:
        self.answers[path] = answer
        return self.url(path)


def _begin(handler: BaseHTTPRequestHandler, status: int, length: int, **headers: str) -> None:
    handler.send_response(status)
    for name, value in headers.items():
        handler.send_header(name.replace("_", "-"), value)
    handler.send_header("Content-Length", str(length))
    handler.end_headers()


def _begin_file(handler: BaseHTTPRequestHandler, content: bytes, *, ranges: bool = True, shift: int = 0) -> bytes:
    """Send the head for the whole file or, if a Range is asked and supported, its rest; return the body to send."""
    asked = re.fullmatch(r"bytes=(\d+)-", handler.headers["Range"] or "")
    if not (asked and ranges):
        _begin(handler, 200, len(content), Content_Type="application/octet-stream")
        return content
    start, end = int(asked[1]) + shift, len(content)
    if start >= end:
        _begin(handler, 416, 0)
        return b""
    _begin(handler, 206, end - start, Content_Range=f"bytes {start}-{end - 1}/{end}")
    return content[start:]


def well(content: bytes, *, ranges: bool = True) -> Answer:
    return lambda handler: handler.wfile.write(_begin_file(handler, content, ranges=ranges))


def another_range(content: bytes) -> Answer:
    """Answer a Range request with what comes 100 bytes later."""
    return lambda handler: handler.wfile.write(_begin_file(handler, content, shift=100))


def cut(content: bytes, after: list[int], *, ranges: bool = True) -> Answer:
    """Announce everything but end each answer after so many bytes; the last number holds for all later ones."""
    left = list(after)

    def answer(handler: BaseHTTPRequestHandler) -> None:
        body = _begin_file(handler, content, ranges=ranges)
        handler.wfile.write(body[: left.pop(0) if len(left) > 1 else left[0]])

    return answer


def held(content: bytes, after: int, release: threading.Event) -> Answer:
    """Send the first bytes, then nothing until ``release``."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(_begin_file(handler, content)[:after])
        release.wait(30)

    return answer


def dropped(content: bytes, after: int) -> Answer:
    """Send the first bytes, then reset the connection; later requests are reset before a word."""
    seen: list[int] = []

    def answer(handler: BaseHTTPRequestHandler) -> None:
        if not seen:
            handler.wfile.write(_begin_file(handler, content)[:after])
        seen.append(1)
        handler.wfile.flush()
        handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        handler.connection.close()
        handler.close_connection = True

    return answer


def refuses(status: int) -> Answer:
    return lambda handler: handler.send_error(status)


def page(title: str, content_type: str = "text/html; charset=utf-8") -> Answer:
    body = f"<!DOCTYPE html><html><head><title>{title}</title></head><body>Sorry</body></html>".encode()

    def answer(handler: BaseHTTPRequestHandler) -> None:
        _begin(handler, 200, len(body), Content_Type=content_type)
        handler.wfile.write(body)

    return answer


def labelled_gzip(body: bytes) -> Answer:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        _begin(handler, 200, len(body), Content_Encoding="gzip")
        handler.wfile.write(body)

    return answer


def compressing(content: bytes) -> Answer:
    """Compress on the way for clients that allow it."""
    compressed, plain = labelled_gzip(gzip.compress(content)), well(content)
    return lambda handler: (compressed if "gzip" in handler.headers["Accept-Encoding"] else plain)(handler)


def sha256(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def served(dataset: Dataset, contents: dict[str, bytes], server: Loopback, expected: dict[str, int]) -> Dataset:
    """The same data set with small files of the same names, from loopback; ``expected`` by the pieces' paths."""
    pieces = []
    for piece in dataset.pieces:
        files = tuple(
            replace(
                file,
                urls=(server.offer(f"/{file.name}", well(contents[file.name])),),
                hash=sha256(contents[file.name]),
                size=len(contents[file.name]),
            )
            for file in piece.files
        )
        pieces.append(replace(piece, files=files, expected=expected.get(piece.path)))
    return replace(dataset, pieces=tuple(pieces))
