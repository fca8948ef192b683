"""Checking certificates and the log against the published key, without asking anybody.

Nothing is believed: every word that is read is either compared with what the signature is over, or recomputed. A text
that is not canonical JSON is refused at once, so no byte of it can change and mean the same. What a certificate leaves
out only the log shows, from its first entry to its last; a log ends with a page that has no entry.
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
    """A certificate that is what the log signed, with its events, oldest first."""

    document: Mapping[str, Json]
    events: Sequence[Seen]

    @property
    def number(self) -> str:
        return str(self.document["number"])


@dataclass
class CheckedLog:
    """A log from its first entry on, in which everything adds up.

    Attributes:
        is_whole: whether the pages reach the end; if not, the next one begins after the last of ``headers``.
    """

    headers: list[Header] = field(default_factory=list)
    lives: dict[str, list[Seen]] = field(default_factory=dict)
    is_whole: bool = False

    @property
    def counts(self) -> Counts:
        return self.headers[-1].counts if self.headers else Counts()

    def commits_to(self, header: Header) -> bool:
        """Whether the log has this very header, its signature included, and an entry after it."""
        return 1 <= header.sequence < len(self.headers) and self.headers[header.sequence - 1] == header

    def check_whole(self) -> None:
        """Check that there are entries, and that no page is missing.

        Raises:
            IncompleteError: there is more to fetch.
        """
        if not self.headers:
            raise IncompleteError("the log that was given has no entry: fetch it from its first page on")
        if not self.is_whole:
            last = len(self.headers)
            raise IncompleteError(
                f"the log may go on after entry {last}: fetch the next page, GET /log?after={last}, and give it too, "
                "until a page has no entry"
            )


def check_certificate(text: bytes, keys: "Keys", log: CheckedLog | None = None) -> CheckedCertificate:
    """Check a certificate by itself: each word of it was signed. What it leaves out, :func:`check_inclusion` checks.

    ``log`` is only asked which signatures it commits to.

    Raises:
        IncompleteError: it is none, because a call failed.
        NotInLogError: it has no proof; its tree is not planted.
        RefusedError: some of it is not what the log signed.
    """
    document = members_of(
        json_in(text.rstrip(b"\r\n"), "the certificate"),
        "the certificate",
        "number state project_id species latin place partner dedication applied_at planted_at tree history proof",
    )
    if document["proof"] is None:
        if log and document["number"] in list(log.lives):
            raise RefusedError("it has no proof, and the log tells of it")
        raise NotInLogError("it has no proof: the log tells of planted trees only")
    proof = members_of(document["proof"], "the proof", "particulars salt events")
    if not isinstance(proof["events"], list) or not proof["events"]:
        raise RefusedError("the proof has no event")
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
    """Check a log from its first entry on: signatures, chain, roots, and the counter, which is counted again.

    The pages may come in any order and more than once, but the empty one that ends the log comes last. What comes
    after a missing page is not looked at.

    Raises:
        IncompleteError: a page is none, because a call failed.
        RefusedError: an entry is not what was signed, or does not add up.
    """
    log = CheckedLog()
    read = [_entries_of(page) for page in pages]
    for entries in sorted(filter(None, read), key=_first_sequence):
        if _begins_later(entries[0], log, keys):
            return log
        for entry in entries:
            _check_entry(entry, log, keys)
    if log.headers:
        keys.check(log.headers[-1])  # no entry commits to the last one
    log.is_whole = read[-1:] == [[]]
    return log


def check_inclusion(certificate: CheckedCertificate, log: CheckedLog) -> list[Seen]:
    """The inspections that a certificate leaves out, after checking that the log tells nothing else beside it.

    Raises:
        IncompleteError: the log that was given may go on.
        NotInLogError: an entry of the certificate is not in the log.
        RefusedError: the log tells more of it, or something else.
    """
    for seen in certificate.events:
        sequence, known = seen.header.sequence, len(log.headers)
        if sequence > known:
            log.check_whole()
            raise NotInLogError(f"entry {sequence} of the certificate is not in the log, which ends with entry {known}")
        if seen.header != log.headers[sequence - 1]:
            raise NotInLogError(f"entry {sequence} is another in the log than in the certificate, and both are signed")
    left_out = check_left_out(certificate.events, log.lives.get(certificate.number, []))
    log.check_whole()
    return left_out


def _check_event(event: Json, keys: "Keys", log: CheckedLog | None) -> Seen:
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
    keys.check(header, is_committed_to=log is not None and log.commits_to(header))
    if photo_url is not None:
        if not (isinstance(photo_url, str) and photo_url):
            raise RefusedError(f"the photo of {where} is no link")
        _same(evidence_of(photo_url), leaf.evidence, f"the photo of {where} is not the one that was logged")
    return Seen(leaf, index, header)


def _check_photos_left_out(events: Sequence[Seen], photos: Sequence[str | None], planted: int) -> None:
    """Check that a photo is only missing where none was logged, or from an older event of a long certificate."""
    needed = {planted, len(events) - 1} if len(events) >= SHOWN_EVENTS else set(range(len(events)))
    for place in needed:
        leaf, header = events[place].leaf, events[place].header
        if leaf.evidence and photos[place] is None:
            raise RefusedError(
                f"the photo of the {leaf.event} event of entry {header.sequence} is not the one that was logged"
            )


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
    if dedication is None or salt is None:
        raise RefusedError("the dedication is missing, and nothing that is signed says that it was erased")
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
    """Whether a page begins behind a page that is missing: with a signed entry, but not the next one."""
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
        raise RefusedError(f"{where} has no leaves")
    checked = [leaf_of(leaf) for leaf in leaves]
    _same(header.size, len(checked), f"{where} has another number of leaves than it says")
    _same(merkle.root([leaf.hash for leaf in checked]).hex(), header.root, f"the leaves of {where} have another root")
    if 1 <= header.sequence <= len(log.headers):
        _same(header, log.headers[header.sequence - 1], f"there are two entries {header.sequence}")
        return  # a page was fetched twice
    before = log.headers[-1] if log.headers else None
    _same(header.sequence, len(log.headers) + 1, f"{where} stands where entry {len(log.headers) + 1} belongs")
    keys.check(header, is_committed_to=True)  # by the next one; the last is checked again
    _same(header.previous, before.hash if before else NOTHING_BEFORE, f"{where} does not commit to the one before")
    for index, leaf in enumerate(checked):
        life = log.lives.setdefault(leaf.number, [])
        check_next(leaf, life[-1].leaf if life else None, f"the {leaf.event} event of {leaf.number} in {where}")
        life.append(Seen(leaf, index, header))
    recounted = log.counts.after(checked)
    _same(header.counts, recounted, f"{where} counts {header.counts.standing} trees, and {recounted.standing} stand")
    log.headers.append(header)


def _same(found: object, proven: object, reason: str) -> None:
    if found != proven:
        raise RefusedError(reason)


def _is_hash(value: object) -> bool:
    return isinstance(value, str) and _HASH.fullmatch(value) is not None
