"""Checking certificates and the log against the published key, without asking anybody.

Nothing is believed: every word that is read is either compared with what the signature is over, or recomputed. A text
that is not canonical JSON is refused at once, so no byte of it can change and mean the same.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

from saxaul.log import merkle
from saxaul.log.canonical_json import Json, digest
from saxaul.log.entries import NOTHING_BEFORE, Counts, Header, Leaf, dedication_digest, evidence_of
from saxaul.log.parsing import RefusedError, header_of, json_in, leaf_of, members_of, names_of
from saxaul.log.proof import SHOWN_EVENTS, planting_among, shown_history, shown_tree

if TYPE_CHECKING:
    from saxaul.log.signatures import Keys

_HASH = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Seen:
    """One event of one certificate, found where it was said to be."""

    leaf: Leaf
    index: int
    header: Header


@dataclass(frozen=True)
class CheckedCertificate:
    """A certificate that is what the log signed, with its events, oldest first."""

    document: Mapping[str, Json]
    events: Sequence[Seen]

    @property
    def number(self) -> str:
        return str(self.document["number"])


@dataclass
class CheckedLog:
    """A log from its first entry on, in which everything adds up."""

    headers: list[Header] = field(default_factory=list)
    lives: dict[str, list[Seen]] = field(default_factory=dict)

    @property
    def counts(self) -> Counts:
        return self.headers[-1].counts if self.headers else Counts()


def check_certificate(text: bytes, keys: "Keys") -> CheckedCertificate:
    """Check a certificate by itself.

    Raises:
        RefusedError: some of it is not what the log signed.
    """
    document = members_of(
        json_in(text, "the certificate"),
        "the certificate",
        "number state project_id species latin place partner dedication applied_at planted_at tree history proof",
    )
    if document["proof"] is None:
        raise RefusedError("it has no proof: the log tells of planted trees only")
    proof = members_of(document["proof"], "the proof", "particulars salt events")
    if not isinstance(proof["events"], list) or not proof["events"]:
        raise RefusedError("the proof has no event")
    events = [_check_event(event, keys) for event in proof["events"]]
    _check_life(events)
    _check_particulars(document, proof, events)
    last, planted = events[-1].leaf, planting_among([seen.leaf for seen in events])
    photos = [event["photo_url"] for event in proof["events"]]
    claims = {
        "number": last.number,
        "state": last.event,
        "project_id": last.project_id,
        "planted_at": events[planted].leaf.occurred_at,
        "tree": asdict(shown_tree(last, photos[planted])),
        "history": [
            asdict(event)
            for event in shown_history((seen.leaf, photo) for seen, photo in zip(events, photos, strict=True))
        ],
    }
    for name, proven in claims.items():
        _same(document[name], proven, f"{name} is not what the log says")
    return CheckedCertificate(document, events)


def check_log(pages: Sequence[bytes], keys: "Keys") -> CheckedLog:
    """Check a log from its first entry on: signatures, chain, roots, and the counter, which is counted again.

    Raises:
        RefusedError: an entry is missing, or is not what was signed, or does not add up.
    """
    log = CheckedLog()
    for page in pages:
        document = members_of(json_in(page, "the log"), "the log", "entries")
        if not isinstance(document["entries"], list):
            raise RefusedError("the log has no list of entries")
        for entry in document["entries"]:
            _check_entry(entry, log, keys)
    return log


def check_inclusion(certificate: CheckedCertificate, log: CheckedLog) -> None:
    """Check that the log tells of a certificate what its proof says, and nothing later.

    Raises:
        RefusedError: it does not.
    """
    for seen in certificate.events:
        sequence = seen.header.sequence
        if sequence > len(log.headers):
            raise RefusedError(
                f"the log ends with entry {len(log.headers)}, before entry {sequence} of the certificate"
            )
        _same(seen.header, log.headers[sequence - 1], f"entry {sequence} is another in the log than in the certificate")
    told = log.lives.get(certificate.number, [])
    if told[-1:] != [certificate.events[-1]]:
        later = told[-1]
        raise RefusedError(f"the log tells more of it: {later.leaf.event} in entry {later.header.sequence}")
    if len(told) > len(certificate.events) and len(certificate.events) < SHOWN_EVENTS:
        raise RefusedError(f"the log tells {len(told)} events of it, and it shows {len(certificate.events)}")


def _check_event(event: Json, keys: "Keys") -> Seen:
    document = members_of(event, "an event", "leaf photo_url index path entry")
    leaf, header = leaf_of(document["leaf"]), header_of(document["entry"])
    where = f"the {leaf.event} event of entry {header.sequence}"
    path, index, photo_url = document["path"], document["index"], document["photo_url"]
    if type(index) is not int or not isinstance(path, list) or not all(_is_hash(neighbour) for neighbour in path):
        raise RefusedError(f"{where} has no proper inclusion path")
    try:
        root = merkle.root_of_path(leaf.hash, index, header.size, [bytes.fromhex(neighbour) for neighbour in path])
    except ValueError as error:
        raise RefusedError(f"{where} is not in the tree of its entry: {error}") from None
    _same(root.hex(), header.root, f"{where} is not in the tree of its entry")
    keys.check(header)
    if photo_url is not None and not (isinstance(photo_url, str) and photo_url):
        raise RefusedError(f"the photo of {where} is no link")
    _same(evidence_of(photo_url or ""), leaf.evidence, f"the photo of {where} is not the one that was logged")
    return Seen(leaf, index, header)


def _check_life(events: Sequence[Seen]) -> None:
    """Check that each event follows the one before, in the order of the log, and planted comes once and first."""
    for seen, before in zip(events, [None, *events], strict=False):
        leaves_out = before and seen.leaf.follows and len(events) >= SHOWN_EVENTS
        known = seen.leaf.follows if leaves_out else before.leaf.event if before else ""
        _check_step(seen.leaf, known, f"its {seen.leaf.event} event")
        if before:
            sequences = before.header.sequence, seen.header.sequence
            if (sequences[1], seen.index) <= (sequences[0], before.index):
                raise RefusedError("its events are not in the order of the log")
            if sequences[0] == sequences[1]:
                _same(seen.header, before.header, f"there are two entries {sequences[0]}")
            _check_same_tree(seen.leaf, before.leaf)


def _check_step(leaf: Leaf, known: str, what: str) -> None:
    if leaf.follows != known:
        raise RefusedError(f"{what} follows {leaf.follows or 'nothing'}, and the log told {known or 'nothing'} before")
    if (leaf.event == "planted") != (known == ""):
        raise RefusedError(f"{what} is no step after {known or 'nothing'}")


def _check_same_tree(leaf: Leaf, before: Leaf) -> None:
    bound = ("number", "project_id", "particulars")
    if any(getattr(leaf, name) != getattr(before, name) for name in bound):
        raise RefusedError(f"the {leaf.event} event is of another certificate")


def _check_particulars(document: Mapping[str, Json], proof: Mapping[str, Json], events: Sequence[Seen]) -> None:
    names = "species latin place partner applied_at dedication_digest"
    particulars = members_of(proof["particulars"], "its particulars", names)
    _same(digest(particulars), events[0].leaf.particulars, "its particulars are not those that the log commits to")
    for name in ("latin", "partner", "applied_at"):
        _same(document[name], particulars[name], f"{name} is not what the log commits to")
    species, place = particulars["species"], particulars["place"]
    if (document["species"], document["place"]) not in [(species[language], place[language]) for language in species]:
        raise RefusedError("species and place are not what the log commits to")
    dedication, salt = document["dedication"], proof["salt"]
    if dedication is None and salt is None:
        return  # erased, with its owner; the commitment to it stays
    sealed = dedication_digest(dedication, salt)
    _same(sealed, particulars["dedication_digest"], "the dedication is not the one that the log commits to")


def _check_entry(document: Json, log: CheckedLog, keys: "Keys") -> None:
    names = " ".join([*names_of(Header), "leaves"])
    document = members_of(document, "an entry", names)
    leaves = document.pop("leaves")
    header = header_of(document)
    where = f"entry {header.sequence}"
    before = log.headers[-1] if log.headers else None
    _same(header.sequence, len(log.headers) + 1, f"{where} stands where entry {len(log.headers) + 1} belongs")
    if not isinstance(leaves, list):
        raise RefusedError(f"{where} has no leaves")
    checked = [leaf_of(leaf) for leaf in leaves]
    _same(header.size, len(checked), f"{where} has another number of leaves than it says")
    _same(merkle.root([leaf.hash for leaf in checked]).hex(), header.root, f"the leaves of {where} have another root")
    keys.check(header)
    _same(header.previous, before.hash if before else NOTHING_BEFORE, f"{where} does not commit to the one before")
    for index, leaf in enumerate(checked):
        life = log.lives.setdefault(leaf.number, [])
        _check_step(leaf, life[-1].leaf.event if life else "", f"the {leaf.event} event of {leaf.number} in {where}")
        if life:
            _check_same_tree(leaf, life[-1].leaf)
        life.append(Seen(leaf, index, header))
    recounted = log.counts.after(checked)
    _same(header.counts, recounted, f"{where} counts {header.counts.standing} trees, and {recounted.standing} stand")
    log.headers.append(header)


def _same(found: object, proven: object, reason: str) -> None:
    if found != proven:
        raise RefusedError(reason)


def _is_hash(value: object) -> bool:
    return isinstance(value, str) and _HASH.fullmatch(value) is not None
