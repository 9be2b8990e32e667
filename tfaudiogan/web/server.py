"""Serves the built browser page on this machine, as any static host can."""

from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tfaudiogan.errors import InputError

PAGE = Path(__file__).parent / "page"
HEADERS = {
    # WebAssembly threads need both headers.
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
    # Workers do not inherit the policy in the page.
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; "
        "style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; "
        "form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    # The browser checks whether a file has changed, so that it shows a new page immediately.
    "Cache-Control": "no-cache",
}


class _Handler(SimpleHTTPRequestHandler):
    # The types are fixed here, as the system's table may lack them or differ.
    extensions_map = {  # noqa: RUF012 - The base class has a plain attribute.
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
        """Do nothing, so that requests are not printed."""


def make_server(port: int, host: str = "127.0.0.1", page: Path = PAGE) -> ThreadingHTTPServer:
    """Create a server of the built page. Its ``serve_forever`` runs it.

    Args:
        port: Port to listen on; 0 takes a free one, which ``server_port`` tells.
        host: Address to listen on. By default only this machine can reach it.
        page: Folder of the built page.

    Raises:
        InputError: If the page is not built, or the server cannot listen on the port.
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
            f"cannot listen on {host}:{port} ({reason}); give another --port"
        ) from error
