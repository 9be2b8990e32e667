"""The format of a corpus: pairs of files beside a manifest, read, written and converted."""

from tfaudiogan.corpus.reading import Corpus

__all__ = ["Corpus"]
