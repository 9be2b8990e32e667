"""``python -m tfaudiogan``: the commands."""

from tfaudiogan.cli import main

main()
