"""A composer of piano pieces, with which the package can be tried without any data."""

from tfaudiogan.making.composer.collection import PIECES, compose_corpus
from tfaudiogan.making.composer.piece import compose

__all__ = ["PIECES", "compose", "compose_corpus"]
