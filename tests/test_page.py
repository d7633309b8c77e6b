"""The server of the browser page."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Iterator

import pytest

from course_lib import page


@pytest.fixture
def connection(tmp_path) -> Iterator[http.client.HTTPConnection]:
    (tmp_path / "page/src").mkdir(parents=True)
    (tmp_path / "page/index.html").write_text("hello", encoding="utf-8")
    (tmp_path / "page/src/main.mjs").write_text("", encoding="utf-8")
    (tmp_path / "secret.txt").write_text("", encoding="utf-8")
    with page.server(0, tmp_path / "page") as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        assert running.server_address[0] == "127.0.0.1"
        yield http.client.HTTPConnection(*running.server_address[:2], timeout=10)
        running.shutdown()


def test_every_answer_carries_the_headers(connection):
    for path in ("/", "/src/main.mjs", "/missing"):
        connection.request("GET", path)
        answer = connection.getresponse()
        answer.read()
        assert {name: answer.headers[name] for name in page.HEADERS} == page.HEADERS
    connection.request("GET", "/src/main.mjs")
    assert connection.getresponse().headers["Content-Type"] == "text/javascript"


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/", 200), ("GET", "/src/", 404), ("GET", "/../secret.txt", 404), ("POST", "/", 501), ("PUT", "/a", 501)],
)
def test_only_the_pages_files_are_given_and_nothing_is_taken(connection, method, path, status):
    connection.request(method, path, body=b"a photograph" if method != "GET" else None)
    assert connection.getresponse().status == status


def test_a_port_in_use_is_said(tmp_path):
    (tmp_path / "index.html").touch()
    with page.server(0, tmp_path) as running, pytest.raises(OSError, match="cannot be used .*; name another one, such"):
        page.server(running.server_address[1], tmp_path)


def test_a_page_that_was_not_built_is_said(tmp_path):
    with pytest.raises(FileNotFoundError, match="holds no page; in a clone, make web builds it"):
        page.server(0, tmp_path)
