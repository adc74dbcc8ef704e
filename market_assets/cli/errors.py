"""Errors of commands that end in one line and exit code 1."""


class RunError(RuntimeError):
    """`make run` cannot start, or something that it needs has ended."""
