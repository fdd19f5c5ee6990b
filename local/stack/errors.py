"""Why the embedded stack does not start or goes on no longer."""


class StackError(Exception):
    """The stack cannot go on; the message is a sentence for the person who started it."""

    exit_code = 1


class ConfigurationError(StackError):
    """A parameter, a variable or the template itself cannot be used; the message names it and says why."""

    exit_code = 2
