"""The policy of whoever checks a checkpoint (C2SP tlog-policy): which witnesses must have cosigned it.

log <vkey> [<url>]
witness <name> <vkey> [<url>]
group <name> all|any|<k> <name>...
quorum <name>|none
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from .notes import COSIGNATURE, ED25519, VerifierKey

MAX_POLICY = 64 * 1024
"""The most bytes of a policy."""

_NONE = b"none"
_FORBIDDEN = re.compile(rb"[^\t\n\x20-\x7e\x80-\xff]")


class PolicyError(ValueError):
    """The policy is not one of the specification. The message names the line."""


@dataclass
class Policy:
    """The logs and witnesses that count, and the rule for their cosignatures.

    Attributes:
        logs: the keys of the logs; empty if the log is known from elsewhere.
        witnesses: the key of each witness, by its name in the policy.
    """

    logs: list[VerifierKey] = field(default_factory=list)
    witnesses: dict[bytes, VerifierKey] = field(default_factory=dict)
    _groups: dict[bytes, tuple[int, list[bytes]]] = field(default_factory=dict)
    _quorum: bytes | None = None
    _members: set[bytes] = field(default_factory=set)

    @classmethod
    def parse(cls, text: bytes) -> "Policy":
        """Read a policy.

        Raises:
            PolicyError: it is not one of the specification.
        """
        if len(text) > MAX_POLICY:
            raise PolicyError(f"the policy has more than {MAX_POLICY // 1024} KB")
        if text and not text.endswith(b"\n"):
            raise PolicyError("the last line of the policy does not end in a newline")
        if b"\r" in text:
            raise PolicyError("the policy has a carriage return: its lines must end in a newline alone, as on Unix")
        if _FORBIDDEN.search(text):
            raise PolicyError("the policy has a control character")
        policy = cls()
        for number, line in enumerate(text.split(b"\n"), 1):
            words = [word for word in re.split(rb"[ \t]+", line) if word]
            if words and not words[0].startswith(b"#"):
                try:
                    policy._read(words)
                except ValueError as error:
                    hint = "; a comment needs a line of its own" if b"#" in line else ""
                    raise PolicyError(f"line {number} of the policy: {error}{hint}") from None
        if policy._quorum is None:
            raise PolicyError("the policy has no quorum line")
        return policy

    def missing(self, witnesses: Iterable[VerifierKey]) -> str:
        """Return what the quorum still needs beside the cosignatures of these witnesses; empty if nothing."""
        cosigned = set(witnesses)
        names = {name for name, key in self.witnesses.items() if key in cosigned}
        quorum = self._quorum or _NONE
        if quorum == _NONE or self._is_met(quorum, names):
            return ""
        if quorum in self.witnesses:
            return f"the cosignature of {_shown(quorum)}"
        needed, members = self._groups[quorum]
        found = sum(self._is_met(member, names) for member in members)
        return f"{needed - found} more of the {len(members)} members of {_shown(quorum)}"

    def _is_met(self, name: bytes, cosigned: set[bytes]) -> bool:
        if name in self.witnesses:
            return name in cosigned
        needed, members = self._groups[name]
        return sum(self._is_met(member, cosigned) for member in members) >= needed

    def _read(self, words: list[bytes]) -> None:
        match words:
            case [b"log", vkey] | [b"log", vkey, _]:
                self.logs.append(self._new_key(vkey, ED25519))
            case [b"witness", name, vkey] | [b"witness", name, vkey, _]:
                self._check_new(name)
                self.witnesses[name] = self._new_key(vkey, COSIGNATURE)
            case [b"group", name, threshold, *members] if members:
                self._check_new(name)
                self._groups[name] = self._group(threshold, members)
            case [b"quorum", name]:
                self._set_quorum(name)
            case _:
                raise ValueError("it is neither a log, a witness, a group nor a quorum")

    def _new_key(self, vkey: bytes, type: int) -> VerifierKey:  # noqa: A002 - as in the specification
        key = VerifierKey.parse(vkey.decode("utf-8", "surrogateescape"))
        if key.type != type:
            raise ValueError("the key has the wrong type")
        if key.public_key in {other.public_key for other in (*self.logs, *self.witnesses.values())}:
            raise ValueError("the key was given before")
        return key

    def _check_new(self, name: bytes) -> None:
        if name == _NONE or name in self.witnesses or name in self._groups:
            raise ValueError("the name was given before")

    def _check_known(self, name: bytes) -> None:
        if name not in self.witnesses and name not in self._groups:
            raise ValueError(f"{_shown(name)} is not the name of a witness or a group above")

    def _group(self, threshold: bytes, members: list[bytes]) -> tuple[int, list[bytes]]:
        for member in members:
            self._check_known(member)
            if member in self._members:
                raise ValueError(f"{_shown(member)} is a member twice")
            self._members.add(member)
        if threshold in (b"all", b"any"):
            return (len(members) if threshold == b"all" else 1), members
        if not re.fullmatch(rb"[1-9][0-9]{0,4}", threshold) or int(threshold) > len(members):
            raise ValueError(f"the threshold is not a number from 1 to {len(members)}")
        return int(threshold), members

    def _set_quorum(self, name: bytes) -> None:
        if self._quorum is not None:
            raise ValueError("there is a quorum above")
        if name != _NONE:
            self._check_known(name)
        self._quorum = name


def _shown(name: bytes) -> str:
    return name.decode("utf-8", "backslashreplace")
