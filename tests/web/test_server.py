"""Test the server of the page and the command that starts it."""

import re
import signal
import subprocess
import sys
import threading
import urllib.error
import urllib.request

import pytest

from tfaudiogan.errors import InputError
from tfaudiogan.web.server import make_server


@pytest.fixture
def page(tmp_path):
    folder = tmp_path / "page"
    (folder / "assets").mkdir(parents=True)
    (folder / "index.html").write_text("<p>page</p>")
    (folder / "assets/a.js").write_text("1")
    (folder / "assets/a.wasm").write_bytes(b"\0asm")
    (tmp_path / "secret.txt").write_text("secret")
    return folder


@pytest.fixture
def address(page):
    server = make_server(0, page=page)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/", "text/html; charset=utf-8"),
        ("/assets/a.js", "text/javascript; charset=utf-8"),
        ("/assets/a.wasm", "application/wasm"),
    ],
)
def test_files_have_their_type_and_the_headers_for_threads_and_privacy(address, path, kind):
    with urllib.request.urlopen(address + path) as response:
        assert response.headers["Content-Type"] == kind
        assert response.headers["Cross-Origin-Opener-Policy"] == "same-origin"
        assert response.headers["Cross-Origin-Embedder-Policy"] == "require-corp"
        assert "connect-src 'self'" in response.headers["Content-Security-Policy"]


@pytest.mark.parametrize("path", ["/assets/", "/absent", "/../secret.txt", "/%2e%2e/secret.txt"])
def test_nothing_but_the_page_is_served(address, path):
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(address + path)
    assert caught.value.code == 404


def test_without_the_page_it_says_how_to_build_it(tmp_path):
    with pytest.raises(InputError, match="make web"):
        make_server(0, page=tmp_path)


def test_a_taken_port_is_named(page):
    with make_server(0, page=page) as first:
        port = first.server_port
        with pytest.raises(InputError, match=rf"127.0.0.1:{port}.*--port"):
            make_server(port, page=page)


def test_the_command_serves_until_it_is_interrupted(page):
    # A process that a shell starts in the background ignores interrupts.
    code = (
        "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
        "import sys; from pathlib import Path; import tfaudiogan.web.server as server; "
        "server.make_server.__defaults__ = ('127.0.0.1', Path(sys.argv.pop())); "
        "from tfaudiogan.cli import main; main(sys.argv[1:])"
    )
    command = [sys.executable, "-c", code, "web", "--port", "0", "--no-browser", str(page)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        (address,) = re.findall(r"http://\S+", process.stdout.readline())
        with urllib.request.urlopen(address) as response:
            assert response.read() == b"<p>page</p>"
        process.send_signal(signal.SIGINT)
        try:
            assert process.wait(30) == 0
        finally:
            process.kill()
