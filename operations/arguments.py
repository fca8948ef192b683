"""Types of command-line arguments."""

import argparse


def non_empty(text: str) -> str:
    """Refuse an empty argument.

    An unset shell variable gives one, and the command would then work with another stack or with all messages.
    """
    if not text:
        raise argparse.ArgumentTypeError("must not be empty")
    return text
