"""Grants: what a person allows a third-party app to do. A first-party app needs no grant."""

from typing import Literal, NamedTuple, get_args

Cover = Literal["report", "read", "spend"]
COVERS: tuple[Cover, ...] = get_args(Cover)
"""What a grant can cover: reporting and reversing actions, reading, and spending points."""


class Grant(NamedTuple):
    """What a person allows an app to do, since when (an instant in seconds), and which app recorded the grant."""

    user_id: str
    app: str
    covers: tuple[Cover, ...]
    granted_at: int
    granted_by: str
