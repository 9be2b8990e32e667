"""Errors whose messages are meant for users of the command line."""


class InputError(ValueError):
    """Bad usage or bad input.

    The message is one line with the value received, what was expected and what to do. Commands
    print it and exit with status 2. Library users can catch it as a ``ValueError``.
    """
