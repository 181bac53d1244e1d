"""Errors that a person can act on, and what decides whether a retry can help."""


class UserError(Exception):
    """A mistake or a fault that one line explains: what is wrong, and what to do.

    Never retried: the same call would fail again. Commands print the message and exit with 1;
    a stack trace would only hide it.
    """


class TransientError(Exception):
    """A fault that may pass: a server that restarts, a lock that is held, a file that moves."""


class GaveUpError(TransientError):
    """It did not pass for as long as we tried; a person should know."""
