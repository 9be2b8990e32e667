"""Errors whose message is meant for the person at the command line."""


class InputError(ValueError):
    """Bad usage or bad input.

    The message is one line: what was wrong, with the value, and what to do. The commands print
    it and exit with status 2; library users catch it as a ``ValueError``.
    """
