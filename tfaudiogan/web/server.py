"""Serve the built page on this machine, as any static host would."""

from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tfaudiogan.errors import InputError

PAGE = Path(__file__).parent / "page"
HEADERS = {
    # Both together allow threads in WebAssembly.
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
    # Workers do not inherit the policy that the page itself states.
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; "
        "style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; "
        "form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    # The browser asks whether a file has changed, so that a newer page is seen at once.
    "Cache-Control": "no-cache",
}


class _Handler(SimpleHTTPRequestHandler):
    # Stated here, as the system's own table may lack them or say something else.
    extensions_map = {  # noqa: RUF012 - the base class's form
        ".html": "text/html; charset=utf-8",
        ".js": "text/javascript; charset=utf-8",
        ".css": "text/css; charset=utf-8",
        ".json": "application/json",
        ".svg": "image/svg+xml",
        ".wasm": "application/wasm",
        "": "application/octet-stream",
    }

    def end_headers(self) -> None:
        for name, value in HEADERS.items():
            self.send_header(name, value)
        super().end_headers()

    def list_directory(self, path: Any) -> None:
        self.send_error(404)

    def log_message(self, format: str, *arguments: object) -> None:
        """Requests are not listed in the terminal."""


def make_server(port: int, host: str = "127.0.0.1", page: Path = PAGE) -> ThreadingHTTPServer:
    """A server of the built page; ``serve_forever`` runs it.

    Args:
        port: to listen at; 0 takes one that is free (``server_port``).
        host: address to listen at; by default nobody else on the network can reach it.
        page: folder of the built page.

    Raises:
        InputError: when the page is not built, or the port can't be had.
    """
    if not (page / "index.html").is_file():
        raise InputError(
            f"the page is not built ({page} is missing); run `make web` in a clone of the "
            "repository, which needs Node.js 20 and npm"
        )
    try:
        return ThreadingHTTPServer((host, port), partial(_Handler, directory=str(page)))
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(
            f"cannot listen at {host}:{port} ({reason}); give another --port"
        ) from error
