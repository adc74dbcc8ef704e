"""Errors of commands that end in one line and exit code 1."""


class RunError(RuntimeError):
    """`make run` cannot start, or something that it needs has ended."""


class NotDoneError(RuntimeError):
    """A command ended without having done what it was asked for, or all of it; says what lacks."""
