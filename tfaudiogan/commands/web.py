"""The command that serves the browser page."""

import webbrowser
from typing import Annotated

import typer

from tfaudiogan.commands.options import examples

app = typer.Typer()


@app.command(
    epilog=examples(
        "tfaudiogan web --port 8080",
    )
)
def web(
    port: Annotated[int, typer.Option(help="Port to listen on; 0 takes a free one.", min=0)] = 8017,
    host: Annotated[
        str, typer.Option(help="Address to listen on; 0.0.0.0 allows access from the network.")
    ] = "127.0.0.1",
    browser: Annotated[bool, typer.Option(help="Open the page in the browser.")] = True,
) -> None:
    """Enhance recordings in the browser.

    This machine serves the page.
    """
    from tfaudiogan.web.server import make_server

    with make_server(port, host) as server:
        address = f"http://{'localhost' if host == '127.0.0.1' else host}:{server.server_port}/"
        print(f"{address}  (press Ctrl-C to stop)", flush=True)
        if browser:
            webbrowser.open(address)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            print()
