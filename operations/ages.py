"""Shows how old something is."""

HOUR = 3_600
"""Seconds. The commands look as far back into the log: AWS bills the size of the lines of that time."""

_UNITS = ((86_400, "days"), (HOUR, "h"), (60, "min"))


def age_text(seconds: float) -> str:
    """Return an age as a whole number of the largest unit of which it has at least two, such as ``7 min``.

    An age below zero, which a clock that differs from ours can cause, is shown as 0 s.
    """
    for length, unit in _UNITS:
        if seconds >= 2 * length:
            return f"{seconds // length:.0f} {unit}"
    return f"{max(0, seconds):.0f} s"
