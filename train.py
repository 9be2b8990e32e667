"""Train on the built-in demo corpus by default; `python train.py --help` lists the options."""

import sys

from tfaudiogan.cli import main

if __name__ == "__main__":
    main(["train", *sys.argv[1:]])
