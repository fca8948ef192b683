"""What a check can find, each with its words and its exit code, and text that is safe to print."""


def printable(text: str) -> str:
    """Return the text with each unprintable character, such as a line break, replaced by an escape code.

    Such a character could move the cursor, change colours, or add a line that looks like the result.
    """
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


class NotVerifiedError(Exception):
    """The check did not succeed. The message is the reason, as :func:`printable` returns it.

        NotVerifiedError
         ├── RefusedError      something is not what was logged, or an event is hidden: forged or damaged
         ├── IncompleteError   something must be fetched before the check can finish
         └── NotInLogError     the log does not have the statements about this tree yet

    Attributes:
        word: the first words of the last line that the command prints.
        exit_code: the exit code of the command.
    """

    word = "NOT VERIFIED"
    exit_code = 1

    def __init__(self, reason: str) -> None:
        super().__init__(printable(reason))


class RefusedError(NotVerifiedError):
    """The data is not what was logged or signed, breaks a rule, or hides an event that the log records."""

    word = "FORGED"
    exit_code = 1


class IncompleteError(NotVerifiedError):
    """Something must be fetched before the check can finish. There is no sign of a forgery."""

    word = "MORE TO FETCH"
    exit_code = 3


class NotInLogError(NotVerifiedError):
    """The log does not have the statements about this tree yet, so there is nothing to check."""

    word = "NOT IN THE LOG YET"
    exit_code = 4
