"""Checks certificates and the log against the published key, offline.

Every value in the files is either compared with signed data or recomputed. The files must be canonical JSON. So any
changed byte is noticed, even if the changed text would still have the same meaning. Only the complete log shows what a
certificate leaves out. The log is published in pages, and a page without entries marks its end.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from saxaul.log import merkle
from saxaul.log.canonical_json import Json, digest, encode
from saxaul.log.counts import Counts
from saxaul.log.entries import NO_PREVIOUS_HASH, Header, counts_after, dedication_digest, evidence_of
from saxaul.log.event_rules import CheckedEvent, check_left_out, check_next, check_shown
from saxaul.log.parsing import (
    HEADER_FIELDS,
    IncompleteError,
    NotInLogError,
    RefusedError,
    parse_hash,
    parse_header,
    parse_json,
    parse_leaf,
    parse_object,
    parse_particulars,
    parse_text,
)
from saxaul.log.proof import SHOWN_EVENTS, latest_planting_index, shown_history, shown_tree

if TYPE_CHECKING:
    from saxaul.log.signatures import Keys


@dataclass(frozen=True)
class CheckedCertificate:
    """A certificate whose every statement is signed, with its events, oldest first."""

    document: Mapping[str, Json]
    events: Sequence[CheckedEvent]

    @property
    def number(self) -> str:
        return str(self.document["certificate"])


@dataclass
class CheckedLog:
    """The checked entries of a log, from the first entry on.

    Attributes:
        headers: the header of each entry, by sequence: entry 1 is ``headers[0]``.
        events_by_number: the events of each certificate, by its number, oldest first.
        is_complete: whether the last page that was given has no entries, which marks the end of the log.
    """

    headers: list[Header] = field(default_factory=list)
    events_by_number: dict[str, list[CheckedEvent]] = field(default_factory=dict)
    is_complete: bool = False

    @property
    def counts(self) -> Counts:
        return self.headers[-1].counts if self.headers else Counts()

    def commits_to(self, header: Header) -> bool:
        """Return whether the log has exactly this header, including its signature, and an entry after it."""
        return 1 <= header.sequence < len(self.headers) and self.headers[header.sequence - 1] == header

    def check_complete(self) -> None:
        """Check that the log has entries and that no page is missing.

        Raises:
            IncompleteError: a page of the log must still be fetched.
        """
        if not self.headers:
            raise IncompleteError("the given log has no entries: fetch it from its first page")
        if not self.is_complete:
            last = len(self.headers)
            raise IncompleteError(
                f"the log may continue after entry {last}: fetch the next page, GET /log?after={last}, and add it, "
                "until a page has no entries"
            )


def check_certificate(text: bytes, keys: "Keys", log: CheckedLog | None = None) -> CheckedCertificate:
    """Check that every statement of a certificate is signed. :func:`check_inclusion` checks what the certificate omits.

    This function uses ``log`` for two purposes only: to see whether a later entry commits to a signature, and to see
    whether a certificate without a proof has events in the log.

    Raises:
        IncompleteError: the text is empty or an error response.
        NotInLogError: the certificate has no proof, because its tree is not planted.
        RefusedError: a part of the certificate is not what was signed.
    """
    document = parse_object(
        parse_json(text.rstrip(b"\r\n"), "the certificate"),
        "the certificate",
        "certificate state project_id species latin place partner dedication requested_at planted_at "
        "tree history proof",
    )
    if document["proof"] is None:
        if log and document["certificate"] in list(log.events_by_number):
            raise RefusedError("the certificate has no proof, but its tree is in the log")
        raise NotInLogError("the certificate has no proof: only planted trees are in the log")
    proof = parse_object(document["proof"], "the proof", "particulars salt events")
    if not isinstance(proof["events"], list) or not proof["events"]:
        raise RefusedError("the proof has no events")
    events = [_check_event(raw_event, keys, log) for raw_event in proof["events"]]
    check_shown(events)
    _check_particulars(document, proof, events)
    last, planted = events[-1].leaf, latest_planting_index([event.leaf for event in events])
    photos = [raw_event["photo_url"] for raw_event in proof["events"]]
    _check_photos_shown(events, photos, planted)
    logged = {
        "certificate": last.certificate,
        "state": last.event,
        "project_id": last.project_id,
        "planted_at": events[planted].leaf.occurred_at,
        "tree": shown_tree(last, photos[planted])._asdict(),
        "history": [
            shown._asdict()
            for shown in shown_history((event.leaf, photo) for event, photo in zip(events, photos, strict=True))
        ],
    }
    for name, value in logged.items():
        # As texts, because Python takes true and 1 as equal.
        _require_equal(encode(document[name]), encode(value), f"{name} is not what the log says")
    return CheckedCertificate(document, events)


def check_log(pages: Sequence[bytes], keys: "Keys") -> CheckedLog:
    """Check the signatures, the hash chain, the Merkle roots and the counts of a log, from its first entry on.

    Pages with entries may come in any order and may repeat entries, so they can also be several copies of one log. The
    log is complete only if the last page has no entries; other pages without entries are ignored. If a page is missing,
    the entries after it are ignored, and the log is incomplete.

    Raises:
        IncompleteError: a page is empty text or an error response.
        RefusedError: an entry is not what was signed, or contradicts the entries before it.
    """
    log = CheckedLog()
    parsed = [_parse_page(page) for page in pages]
    for entries in sorted(filter(None, parsed), key=_first_sequence):
        if _is_page_missing_before(entries[0], log, keys):
            return log
        for entry in entries:
            _check_entry(entry, log, keys)
    if log.headers:
        keys.check(log.headers[-1])  # no later entry commits to the last one
    log.is_complete = parsed[-1:] == [[]]
    return log


def check_inclusion(certificate: CheckedCertificate, log: CheckedLog) -> list[CheckedEvent]:
    """Check a certificate against the log, and return the inspections that the certificate leaves out.

    A certificate may leave out only inspections that changed nothing.

    Raises:
        IncompleteError: the given log may continue.
        NotInLogError: an entry that the certificate refers to is not in the log.
        RefusedError: the log has other events of this tree than the certificate shows.
    """
    for event in certificate.events:
        sequence, known = event.header.sequence, len(log.headers)
        if sequence > known:
            log.check_complete()
            raise NotInLogError(f"entry {sequence} of the certificate is not in the log, which ends with entry {known}")
        if event.header != log.headers[sequence - 1]:
            raise NotInLogError(f"entry {sequence} differs between the certificate and the log, and both are signed")
    left_out = check_left_out(certificate.events, log.events_by_number.get(certificate.number, []))
    log.check_complete()
    return left_out


def _check_event(raw_event: Json, keys: "Keys", log: CheckedLog | None) -> CheckedEvent:
    document = parse_object(raw_event, "an event", "leaf photo_url index path entry")
    leaf, header = parse_leaf(document["leaf"]), parse_header(document["entry"])
    where = f"the {leaf.event} event of entry {header.sequence}"
    path, index, photo_url = document["path"], document["index"], document["photo_url"]
    if type(index) is not int or not isinstance(path, list):
        raise RefusedError(f"{where} has no valid index or inclusion path")
    siblings = [bytes.fromhex(parse_hash(sibling, f"a hash in the path of {where}")) for sibling in path]
    try:
        root = merkle.root_of_path(leaf.hash, index, header.size, siblings)
    except ValueError as error:
        raise RefusedError(f"{where} is not in the Merkle tree of its entry: {error}") from None
    _require_equal(root.hex(), header.root, f"{where} is not in the Merkle tree of its entry")
    keys.check(header, is_committed_to=log is not None and log.commits_to(header))
    if photo_url is not None:
        if not (isinstance(photo_url, str) and photo_url):
            raise RefusedError(f"the photo of {where} is not a link")
        _require_equal(evidence_of(photo_url), leaf.evidence, f"the photo of {where} is not the one that was logged")
    return CheckedEvent(leaf, index, header)


def _check_photos_shown(events: Sequence[CheckedEvent], photos: Sequence[str | None], planted: int) -> None:
    """Check that the certificate has the link to each photo that it must show.

    A certificate with fewer than SHOWN_EVENTS events must show the photos of all events that have one. A longer
    certificate must show those of its newest event and of its newest planting (the event at ``planted``).
    """
    needed = {planted, len(events) - 1} if len(events) >= SHOWN_EVENTS else set(range(len(events)))
    for index in needed:
        leaf, header = events[index].leaf, events[index].header
        if leaf.evidence and photos[index] is None:
            raise RefusedError(
                f"the photo of the {leaf.event} event of entry {header.sequence} is not the one that was logged"
            )


def _check_particulars(document: Mapping[str, Json], proof: Mapping[str, Json], events: Sequence[CheckedEvent]) -> None:
    """Check the facts that never change, such as the species and the dedication, against the leaves and the proof."""
    particulars = parse_particulars(proof["particulars"])
    _require_equal(
        digest(particulars), events[0].leaf.particulars, "the particulars are not those that the log commits to"
    )
    for name in ("latin", "partner", "requested_at"):
        _require_equal(document[name], particulars[name], f"{name} is not what the log commits to")
    species, place = particulars["species"], particulars["place"]
    if (document["species"], document["place"]) not in [(species[language], place[language]) for language in species]:
        raise RefusedError("species and place are not what the log commits to")
    dedication, salt = document["dedication"], proof["salt"]
    if dedication is None or salt is None:
        raise RefusedError("the dedication or its salt is missing, and no signed data says that it was erased")
    recomputed = dedication_digest(parse_text(dedication, "the dedication"), parse_hash(salt, "the salt"))
    _require_equal(
        recomputed, particulars["dedication_digest"], "the dedication is not the one that the log commits to"
    )


def _parse_page(page: bytes) -> list[Json]:
    document = parse_object(parse_json(page, "the log"), "the log", "entries")
    if not isinstance(document["entries"], list):
        raise RefusedError("the log has no list of entries")
    return document["entries"]


def _first_sequence(entries: list[Json]) -> int:
    sequence = entries[0].get("sequence") if isinstance(entries[0], dict) else None
    return sequence if isinstance(sequence, int) else 0


def _is_page_missing_before(entry: Json, log: CheckedLog, keys: "Keys") -> bool:
    """Return whether a page is missing between the end of ``log`` and this entry, which is the first of its page.

    This function checks the signature of the entry. Otherwise a forged sequence number would look like a missing page.
    """
    if _first_sequence([entry]) <= len(log.headers) + 1:
        return False
    header = parse_header({name: value for name, value in entry.items() if name != "leaves"})
    keys.check(header, is_committed_to=True)
    return True


def _check_entry(document: Json, log: CheckedLog, keys: "Keys") -> None:
    """Check an entry, and add it to the log unless the log has it already."""
    names = " ".join([*HEADER_FIELDS, "leaves"])
    document = parse_object(document, "an entry", names)
    leaves = document.pop("leaves")
    header = parse_header(document)
    where = f"entry {header.sequence}"
    if not isinstance(leaves, list):
        raise RefusedError(f"{where} has no list of leaves")
    checked = [parse_leaf(leaf) for leaf in leaves]
    _require_equal(header.size, len(checked), f"the header of {where} states a wrong number of leaves")
    _require_equal(
        merkle.root([leaf.hash for leaf in checked]).hex(),
        header.root,
        f"the root of {where} does not match its leaves",
    )
    if 1 <= header.sequence <= len(log.headers):
        _require_equal(header, log.headers[header.sequence - 1], f"there are two different entries {header.sequence}")
        return  # pages may overlap
    before = log.headers[-1] if log.headers else None
    _require_equal(header.sequence, len(log.headers) + 1, f"{where} is in the place of entry {len(log.headers) + 1}")
    # The next entry commits to this signature. The last entry has no next one, so check_log checks its signature again.
    keys.check(header, is_committed_to=True)
    _require_equal(
        header.previous, before.hash if before else NO_PREVIOUS_HASH, f"{where} does not commit to the entry before it"
    )
    for index, leaf in enumerate(checked):
        events = log.events_by_number.setdefault(leaf.certificate, [])
        check_next(
            leaf, events[-1].leaf if events else None, f"the {leaf.event} event of {leaf.certificate} in {where}"
        )
        events.append(CheckedEvent(leaf, index, header))
    recounted = counts_after(log.counts, checked)
    _require_equal(
        header.counts, recounted, f"{where} counts {header.counts.standing} trees, recounted {recounted.standing}"
    )
    log.headers.append(header)


def _require_equal(found: object, expected: object, reason: str) -> None:
    if found != expected:
        raise RefusedError(reason)
