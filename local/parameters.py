"""Parses the parameters of a template as people write them, and writes them as the sam CLI reads them."""

import re
import shlex
from collections.abc import Iterator, Mapping

from local.sam import SamError

_PARAMETER = re.compile(r"[A-Za-z0-9]+=.*", re.DOTALL)

_UNWRITABLE = re.compile(r"""\\(?:[\s"']|$)""")
"""A backslash that sam would drop, or take as the beginning of an escape code."""


def parameters_in(written: object) -> dict[str, str]:
    """Return parameters by name, from a text such as ``A=1 B="2 3"``, a mapping, or a list of texts and mappings.

    If a parameter occurs twice, the last value wins.

    Raises:
        SamError: a part is not ``Name=value``.
    """
    return dict(_pairs(written))


def quoted(value: str) -> str:
    """Return the value of a parameter in quotes, so that sam passes exactly this text on to CloudFormation.

    Raises:
        SamError: sam has no way to write this value.
    """
    if _UNWRITABLE.search(value):
        raise SamError(f"{value!r} cannot be passed to sam: it has a backslash before a space, a quote or its end.")
    return '"' + value.replace('"', '\\"') + '"'


def _pairs(written: object) -> Iterator[tuple[str, str]]:
    match written:
        case Mapping():
            yield from ((str(name), str(value)) for name, value in written.items())
        case list() | tuple():
            for part in written:
                yield from _pairs(part)
        case _:
            for part in shlex.split(str(written)):
                if not _PARAMETER.fullmatch(part):
                    raise SamError(f"{part!r} is not a parameter; write it as Name=value.")
                name, _, value = part.partition("=")
                yield name, value
