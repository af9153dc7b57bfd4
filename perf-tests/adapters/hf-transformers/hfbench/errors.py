"""How an invocation ends without success, other than by a fault of our own."""


class UsageError(Exception):
    """The command line is wrong: exit code 2, in Click's words."""


class BenchError(Exception):
    """A file or a request is not usable, or the engine did not do what it was asked: exit code 1."""
