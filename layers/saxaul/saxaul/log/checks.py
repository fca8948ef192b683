"""Checks certificates and the log against the published key, offline.

Every value that is read is either compared with signed data or recomputed. A text that is not canonical JSON is refused
at once, so no byte can change unnoticed, even where the meaning would stay the same. Only the whole log shows what a
certificate leaves out. A page without entries marks the end of the log.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

from saxaul.log import merkle
from saxaul.log.canonical_json import Json, digest
from saxaul.log.entries import NOTHING_BEFORE, Counts, Header, dedication_digest, evidence_of
from saxaul.log.lives import Seen, check_left_out, check_next, check_shown
from saxaul.log.parsing import (
    IncompleteError,
    NotInLogError,
    RefusedError,
    header_of,
    json_in,
    leaf_of,
    members_of,
    names_of,
)
from saxaul.log.proof import SHOWN_EVENTS, planting_among, shown_history, shown_tree

if TYPE_CHECKING:
    from saxaul.log.signatures import Keys

_HASH = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class CheckedCertificate:
    """A certificate whose every statement is signed, with its events, oldest first."""

    document: Mapping[str, Json]
    events: Sequence[Seen]

    @property
    def number(self) -> str:
        return str(self.document["number"])


@dataclass
class CheckedLog:
    """The checked entries of a log, from the first entry on.

    Attributes:
        headers: the header of each entry, by sequence: entry 1 is ``headers[0]``.
        lives: the events of each certificate, by its number, oldest first.
        is_whole: whether the pages reach the end; if not, the next page begins after the last of ``headers``.
    """

    headers: list[Header] = field(default_factory=list)
    lives: dict[str, list[Seen]] = field(default_factory=dict)
    is_whole: bool = False

    @property
    def counts(self) -> Counts:
        return self.headers[-1].counts if self.headers else Counts()

    def commits_to(self, header: Header) -> bool:
        """Return whether the log holds exactly this header, including its signature, and an entry after it."""
        return 1 <= header.sequence < len(self.headers) and self.headers[header.sequence - 1] == header

    def check_whole(self) -> None:
        """Check that there are entries, and that no page is missing.

        Raises:
            IncompleteError: a page of the log must still be fetched.
        """
        if not self.headers:
            raise IncompleteError("the given log has no entries: fetch it from its first page")
        if not self.is_whole:
            last = len(self.headers)
            raise IncompleteError(
                f"the log may continue after entry {last}: fetch the next page, GET /log?after={last}, and add it, "
                "until a page has no entries"
            )


def check_certificate(text: bytes, keys: "Keys", log: CheckedLog | None = None) -> CheckedCertificate:
    """Check that every statement of a certificate is signed. :func:`check_inclusion` checks what it leaves out.

    ``log`` is used only to find out which signatures later entries commit to, and whether a certificate without a proof
    is in the log after all.

    Raises:
        IncompleteError: the text is empty or an error response.
        NotInLogError: the certificate has no proof, because its tree is not planted.
        RefusedError: a part of the certificate is not what was signed.
    """
    document = members_of(
        json_in(text.rstrip(b"\r\n"), "the certificate"),
        "the certificate",
        "number state project_id species latin place partner dedication applied_at planted_at tree history proof",
    )
    if document["proof"] is None:
        if log and document["number"] in list(log.lives):
            raise RefusedError("the certificate has no proof, but its tree is in the log")
        raise NotInLogError("the certificate has no proof: only planted trees are in the log")
    proof = members_of(document["proof"], "the proof", "particulars salt events")
    if not isinstance(proof["events"], list) or not proof["events"]:
        raise RefusedError("the proof has no events")
    events = [_check_event(event, keys, log) for event in proof["events"]]
    check_shown(events)
    _check_particulars(document, proof, events)
    last, planted = events[-1].leaf, planting_among([seen.leaf for seen in events])
    photos = [event["photo_url"] for event in proof["events"]]
    _check_photos_left_out(events, photos, planted)
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
    """Check a log from its first entry on: signatures, hash chain, Merkle roots, and counts, which are recomputed.

    The pages may come in any order and more than once, but the page without entries, which ends the log, must come
    last. Entries after a missing page are ignored.

    Raises:
        IncompleteError: a page is empty text or an error response.
        RefusedError: an entry is not what was signed, or contradicts the entries before it.
    """
    log = CheckedLog()
    read = [_entries_of(page) for page in pages]
    for entries in sorted(filter(None, read), key=_first_sequence):
        if _begins_later(entries[0], log, keys):
            return log
        for entry in entries:
            _check_entry(entry, log, keys)
    if log.headers:
        keys.check(log.headers[-1])  # no later entry commits to the last one
    log.is_whole = read[-1:] == [[]]
    return log


def check_inclusion(certificate: CheckedCertificate, log: CheckedLog) -> list[Seen]:
    """Check that a certificate leaves out nothing but inspections that changed nothing, and return those.

    Raises:
        IncompleteError: the given log may continue.
        NotInLogError: an entry of the certificate is not in the log.
        RefusedError: the log has other events of this tree than the certificate shows.
    """
    for seen in certificate.events:
        sequence, known = seen.header.sequence, len(log.headers)
        if sequence > known:
            log.check_whole()
            raise NotInLogError(f"entry {sequence} of the certificate is not in the log, which ends with entry {known}")
        if seen.header != log.headers[sequence - 1]:
            raise NotInLogError(f"entry {sequence} differs between the certificate and the log, and both are signed")
    left_out = check_left_out(certificate.events, log.lives.get(certificate.number, []))
    log.check_whole()
    return left_out


def _check_event(event: Json, keys: "Keys", log: CheckedLog | None) -> Seen:
    document = members_of(event, "an event", "leaf photo_url index path entry")
    leaf, header = leaf_of(document["leaf"]), header_of(document["entry"])
    where = f"the {leaf.event} event of entry {header.sequence}"
    path, index, photo_url = document["path"], document["index"], document["photo_url"]
    if type(index) is not int or not isinstance(path, list) or not all(_is_hash(neighbour) for neighbour in path):
        raise RefusedError(f"{where} has no valid index or inclusion path")
    try:
        root = merkle.root_of_path(leaf.hash, index, header.size, [bytes.fromhex(neighbour) for neighbour in path])
    except ValueError as error:
        raise RefusedError(f"{where} is not in the Merkle tree of its entry: {error}") from None
    _same(root.hex(), header.root, f"{where} is not in the Merkle tree of its entry")
    keys.check(header, is_committed_to=log is not None and log.commits_to(header))
    if photo_url is not None:
        if not (isinstance(photo_url, str) and photo_url):
            raise RefusedError(f"the photo of {where} is not a link")
        _same(evidence_of(photo_url), leaf.evidence, f"the photo of {where} is not the one that was logged")
    return Seen(leaf, index, header)


def _check_photos_left_out(events: Sequence[Seen], photos: Sequence[str | None], planted: int) -> None:
    """Check that no link to a photo is missing, except where none was logged.

    A certificate of SHOWN_EVENTS events or more needs the links of its latest event and its latest planting only.
    """
    needed = {planted, len(events) - 1} if len(events) >= SHOWN_EVENTS else set(range(len(events)))
    for place in needed:
        leaf, header = events[place].leaf, events[place].header
        if leaf.evidence and photos[place] is None:
            raise RefusedError(
                f"the photo of the {leaf.event} event of entry {header.sequence} is not the one that was logged"
            )


def _check_particulars(document: Mapping[str, Json], proof: Mapping[str, Json], events: Sequence[Seen]) -> None:
    names = "species latin place partner applied_at dedication_digest"
    particulars = members_of(proof["particulars"], "the particulars", names)
    _same(digest(particulars), events[0].leaf.particulars, "the particulars are not those that the log commits to")
    for name in ("latin", "partner", "applied_at"):
        _same(document[name], particulars[name], f"{name} is not what the log commits to")
    species, place = particulars["species"], particulars["place"]
    if (document["species"], document["place"]) not in [(species[language], place[language]) for language in species]:
        raise RefusedError("species and place are not what the log commits to")
    dedication, salt = document["dedication"], proof["salt"]
    if dedication is None or salt is None:
        raise RefusedError("the dedication or its salt is missing, and no signed data says that it was erased")
    sealed = dedication_digest(dedication, salt)
    _same(sealed, particulars["dedication_digest"], "the dedication is not the one that the log commits to")


def _entries_of(page: bytes) -> list[Json]:
    document = members_of(json_in(page, "the log"), "the log", "entries")
    if not isinstance(document["entries"], list):
        raise RefusedError("the log has no list of entries")
    return document["entries"]


def _first_sequence(entries: list[Json]) -> int:
    sequence = entries[0].get("sequence") if isinstance(entries[0], dict) else None
    return sequence if isinstance(sequence, int) else 0


def _begins_later(entry: Json, log: CheckedLog, keys: "Keys") -> bool:
    """Return whether a page is missing before this entry, the first of its page.

    The signature is checked here, so that a forged sequence number is refused and does not look like a missing page.
    """
    if _first_sequence([entry]) <= len(log.headers) + 1:
        return False
    header = header_of({name: value for name, value in entry.items() if name != "leaves"})
    keys.check(header, is_committed_to=True)
    return True


def _check_entry(document: Json, log: CheckedLog, keys: "Keys") -> None:
    names = " ".join([*names_of(Header), "leaves"])
    document = members_of(document, "an entry", names)
    leaves = document.pop("leaves")
    header = header_of(document)
    where = f"entry {header.sequence}"
    if not isinstance(leaves, list):
        raise RefusedError(f"{where} has no list of leaves")
    checked = [leaf_of(leaf) for leaf in leaves]
    _same(header.size, len(checked), f"the header of {where} states a wrong number of leaves")
    _same(
        merkle.root([leaf.hash for leaf in checked]).hex(),
        header.root,
        f"the root of {where} does not match its leaves",
    )
    if 1 <= header.sequence <= len(log.headers):
        _same(header, log.headers[header.sequence - 1], f"there are two different entries {header.sequence}")
        return  # pages may overlap
    before = log.headers[-1] if log.headers else None
    _same(header.sequence, len(log.headers) + 1, f"{where} is in the place of entry {len(log.headers) + 1}")
    keys.check(header, is_committed_to=True)  # the next entry does; check_log checks the last one again
    _same(header.previous, before.hash if before else NOTHING_BEFORE, f"{where} does not commit to the entry before it")
    for index, leaf in enumerate(checked):
        life = log.lives.setdefault(leaf.number, [])
        check_next(leaf, life[-1].leaf if life else None, f"the {leaf.event} event of {leaf.number} in {where}")
        life.append(Seen(leaf, index, header))
    recounted = log.counts.after(checked)
    _same(header.counts, recounted, f"{where} counts {header.counts.standing} trees, recounted {recounted.standing}")
    log.headers.append(header)


def _same(found: object, proven: object, reason: str) -> None:
    if found != proven:
        raise RefusedError(reason)


def _is_hash(value: object) -> bool:
    return isinstance(value, str) and _HASH.fullmatch(value) is not None
