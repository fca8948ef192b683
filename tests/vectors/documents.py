"""Logs and certificates, made from docs/proof.md and the RFCs that the page names, without any code of saxaul."""

from collections.abc import Iterator, Sequence
from copy import deepcopy
from datetime import datetime, timedelta, timezone
from hashlib import sha256
from typing import Any

import rfc8785
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.vectors.cases import DEDICATIONS, PROJECTS, Json, Shown, Story

ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
"""The order of the base point of P-256."""


def digest(data: bytes) -> str:
    return sha256(data).hexdigest()


def larger_part(count: int) -> int:
    """Return the largest power of two that is smaller than the count."""
    return 1 << (count - 1).bit_length() - 1


def root(leaves: Sequence[bytes]) -> bytes:
    """MTH of RFC 9162, section 2.1.1."""
    if len(leaves) == 1:
        return sha256(b"\x00" + leaves[0]).digest()
    part = larger_part(len(leaves))
    return sha256(b"\x01" + root(leaves[:part]) + root(leaves[part:])).digest()


def path(index: int, leaves: Sequence[bytes]) -> list[str]:
    """PATH of RFC 9162, section 2.1.3.1."""
    if len(leaves) == 1:
        return []
    part = larger_part(len(leaves))
    if index < part:
        return [*path(index, leaves[:part]), root(leaves[part:]).hex()]
    return [*path(index - part, leaves[part:]), root(leaves[:part]).hex()]


def der(*numbers: int) -> str:
    """Return a sequence of positive integers in strict DER. A number has a leading zero only if its sign needs one."""
    values = [number.to_bytes(number.bit_length() // 8 + 1) for number in numbers]
    body = b"".join(bytes([2, len(value)]) + value for value in values)
    return (bytes([0x30, len(body)]) + body).hex()


class Key:
    """A new key pair. The private key is never written to a file."""

    def __init__(self) -> None:
        self._private = ec.generate_private_key(ec.SECP256R1())
        public = self._private.public_key()
        self.pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        self.key_id = digest(public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))

    def sign(self, header: Json, *, higher: bool) -> str:
        algorithm = ec.ECDSA(SHA256(), deterministic_signing=True)
        r, s = decode_dss_signature(self._private.sign(rfc8785.dumps(header), algorithm))
        return der(r, s if (s > ORDER // 2) == higher else ORDER - s)


def number_of(tree: int) -> str:
    return f"0000-0000-{tree:04}-0"


def photo_of(tree: int, sequence: int) -> str:
    return f"https://trees.example/{tree}/{sequence}.jpg"


def time_of(day: int, hour: int, minute: int = 0) -> str:
    start = datetime(2026, 3, 1, tzinfo=timezone(timedelta(hours=8)))
    return (start + timedelta(days=day, hours=hour, minutes=minute)).isoformat()


def dedicated(tree: int) -> Json:
    return {"dedication": DEDICATIONS[tree % len(DEDICATIONS)], "salt": digest(f"salt {tree}".encode())}


def particulars_of(tree: int) -> Json:
    project = PROJECTS[(tree - 1) % len(PROJECTS)]
    shared = {name: getattr(project, name) for name in ("latin", "partner", "place", "species")}
    return shared | {"requested_at": time_of(-tree, 12), "dedication_digest": digest(rfc8785.dumps(dedicated(tree)))}


def leaf_of(sequence: int, statement: str, latest: dict[int, Json]) -> Json:
    """Return the leaf of one statement in the story, and store it in ``latest`` as the latest leaf of its tree."""
    name, event, photo, tag, *_ = [*statement.split(), "", ""]
    tree, before = int(name), latest.get(int(name), {})
    project = PROJECTS[(tree - 1) % len(PROJECTS)]
    latest[tree] = {
        "event": event,
        "evidence": digest(photo_of(tree, sequence).encode()) if photo else "",
        "follows": before.get("event", ""),
        "lat": f"{project.lat}.9500000" if tag else before.get("lat", f"{project.lat}.85{tree:05}"),
        "lon": before.get("lon", f"{project.lon}.73{tree:05}"),
        "certificate": number_of(tree),
        "occurred_at": time_of(sequence * 3 - 1, 9, tree),
        "particulars": digest(rfc8785.dumps(particulars_of(tree))),
        "project_id": project.project_id,
        "recorded_at": time_of(sequence * 3, 18),
        "tag": tag or before.get("tag", f"{project.project_id[0].upper()}-{tree}"),
    }
    return latest[tree]


def make_log(key: Key, story: Story, higher: int = 0, newest: Json | None = None) -> list[Json]:
    """Return the signed entries of the story.

    The signature of entry number ``higher`` has the higher of its two valid values of s. ``newest`` changes the
    newest entry before it is signed.
    """
    entries: list[Json] = []
    latest: dict[int, Json] = {}
    previous = "0" * 64
    for sequence, (by, statements) in enumerate(story, start=1):
        leaves = [leaf_of(sequence, statement, latest) for statement in statements.split(", ")]
        dead = sum(leaf["event"] == "dead" for leaf in latest.values())
        entry: Json = {
            "by": by,
            "counts": {"planted": len(latest), "dead": dead, "standing": len(latest) - dead},
            "key_id": key.key_id,
            "leaves": leaves,
            "previous": previous,
            "sequence": sequence,
            "signed_at": time_of(sequence * 3, 18, 1),
            "size": len(leaves),
        }
        entry = changed(entry, newest or {}) if sequence == len(story) else entry
        header = header_of(entry) | {"root": root([rfc8785.dumps(leaf) for leaf in entry["leaves"]]).hex()}
        header["signature"] = key.sign(header, higher=sequence == higher)
        previous = digest(rfc8785.dumps(header))
        entries.append(header | {"leaves": entry["leaves"]})
    return entries


def header_of(entry: Json) -> Json:
    return {name: value for name, value in entry.items() if name != "leaves"}


def events_of(tree: int, log: list[Json]) -> Iterator[Json]:
    for entry in log:
        leaves = [rfc8785.dumps(leaf) for leaf in entry["leaves"]]
        for index, leaf in enumerate(entry["leaves"]):
            if leaf["certificate"] == number_of(tree):
                photo = photo_of(tree, entry["sequence"]) if leaf["evidence"] else None
                proven = {"entry": header_of(entry), "index": index, "path": path(index, leaves)}
                yield proven | {"leaf": leaf, "photo_url": photo}


def make_certificate(log: list[Json], shown: Shown) -> Json:
    events = list(events_of(shown.tree, log))
    events = [event | {"photo_url": None} if n in shown.without_photos else event for n, event in enumerate(events)]
    events = [event for n, event in enumerate(events) if n not in shown.without_events]
    plant = [event for event in events if event["leaf"]["event"] in ("planted", "replaced")][-1]
    particulars, secret = particulars_of(shown.tree), dedicated(shown.tree)
    return {
        "requested_at": particulars["requested_at"],
        "dedication": secret["dedication"],
        "history": [
            {
                "at": event["leaf"]["occurred_at"],
                "evidence_url": event["photo_url"],
                "recorded_at": event["leaf"]["recorded_at"],
                "state": event["leaf"]["event"],
            }
            for event in events
        ],
        "latin": particulars["latin"],
        "certificate": number_of(shown.tree),
        "partner": particulars["partner"],
        "place": particulars["place"][shown.lang],
        "planted_at": plant["leaf"]["occurred_at"],
        "project_id": plant["leaf"]["project_id"],
        "proof": {"events": events, "particulars": particulars, "salt": secret["salt"]},
        "species": particulars["species"][shown.lang],
        "state": events[-1]["leaf"]["event"],
        "tree": {
            "lat": float(plant["leaf"]["lat"]),
            "lon": float(plant["leaf"]["lon"]),
            "tag": plant["leaf"]["tag"],
            "photo_url": plant["photo_url"],
        },
    }


def changed(document: Json, changes: Json) -> Json:
    """Return a copy with other values at the given places, such as ``tree.tag`` or ``proof.events.0.index``."""
    copy = deepcopy(document)
    for place, value in changes.items():
        *outer, last = [int(step) if step.isdigit() else step for step in place.split(".")]
        inner: Any = copy
        for step in outer:
            inner = inner[step]
        inner[last] = value
    return copy


def page(*entries: Json) -> bytes:
    return rfc8785.dumps({"entries": entries}) + b"\n"
