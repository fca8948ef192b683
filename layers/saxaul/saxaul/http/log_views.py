"""The view of the public log: where it is, and what is published of it."""

from typing import TypedDict

from saxaul.http.views import Link, NonNegative


class LogView(TypedDict):
    """Where the public log is, and how many trees it has. The log follows C2SP tlog-tiles."""

    url: Link
    """The address below which the files of the log lie: `checkpoint` and `tile/…`."""
    vkey: str
    """The verifier key of the log (C2SP signed-note): its name, the id of its public key, and the key."""
    size: NonNegative
    """The number of leaves of the published tree; 0 before the first tree was planted."""
    planted: NonNegative
    """All trees that were planted so far."""
    dead: NonNegative
    """Those that are known to be dead."""
    standing: NonNegative
    """The rest."""
