"""Checks a certificate: every value in it is compared with the log's leaves, or computed again from them.

The certificate must be canonical JSON, so any changed byte is noticed, even if the changed text would have the same
meaning. Nothing here needs the network. What the log recorded after the newest leaf that a certificate shows, only the
log can say: see :mod:`saxaul.log.verify`.
"""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NamedTuple

from . import merkle
from .canonical_json import Json, NotCanonicalError, decode, digest, encode
from .checkpoints import Checkpoint
from .fields import parse_hash, parse_object, parse_text, parse_time
from .leaves import CountLeaf, TreeLeaf, parse
from .lives import Life, name_of, next_life
from .notes import SignedNote, VerifierKey, open_note, parse_note
from .particulars import dedication_digest
from .tlog_proofs import TlogProof
from .verdicts import IncompleteError, NotInLogError, RefusedError

MEMBERS = (
    "certificate state project_id species latin place partner dedication requested_at planted_at tree history "
    "particulars salt proofs count"
)
"""The members of a certificate."""

MAX_CERTIFICATE = 8 * 1024 * 1024
"""The most bytes of a certificate. One of a tree with forty events has less than 100 KB."""

LANGUAGES_OF_PARTICULARS = "en zh"
"""The languages of the texts in the particulars: those of the catalog, from which the particulars are made."""

_PLANTINGS = ("planted", "replaced", "corrected")
"""The events whose photo and link are those of the planting."""


class ShownLeaf(NamedTuple):
    """A leaf that a certificate shows, and its index in the log."""

    position: int
    leaf: TreeLeaf


@dataclass(frozen=True)
class CheckedCertificate:
    """A certificate of which every statement is in the log.

    Attributes:
        shown: the leaves that it shows, oldest first.
        left_out: how many inspections that found the tree alive it leaves out before the newest shown leaf.
        life: what is known of the tree after the newest shown leaf.
        note: the checkpoint with its signatures, of which the log's is checked.
        count: the last leaf of the log as of the checkpoint.
    """

    document: Mapping[str, Json]
    shown: Sequence[ShownLeaf]
    left_out: int
    life: Life
    note: SignedNote
    checkpoint: Checkpoint
    count: CountLeaf

    @property
    def number(self) -> str:
        return self.life.certificate


def parse_certificate(text: bytes) -> dict[str, Json]:
    """Return the members of a certificate, which are not checked yet. Line breaks at the end are ignored.

    Raises:
        IncompleteError: the text is empty or an error response.
        RefusedError: it is not a certificate.
    """
    if len(text) > MAX_CERTIFICATE:
        raise RefusedError(f"the certificate has more than {MAX_CERTIFICATE // 1024**2} MB")
    text = text.rstrip(b"\r\n")
    if not text.strip():
        raise IncompleteError("the certificate is empty: fetch it again")
    if _is_error_response(text):
        raise IncompleteError("the certificate is an error response: fetch it again")
    try:
        document = decode(text)
    except NotCanonicalError as error:
        raise RefusedError(f"the certificate was changed or cut: {error}") from None
    members = parse_object(document, "the certificate", MEMBERS)
    parse_text(members["certificate"], "the number of the certificate")
    if not isinstance(members["proofs"], list) or not isinstance(members["history"], list):
        raise RefusedError("the certificate has no list of proofs, or no history")
    has_more = members["history"] or any(members[name] is not None for name in ("particulars", "salt", "count"))
    if not members["proofs"] and has_more:
        raise RefusedError("the certificate has no proofs, but states what only proofs can show")
    return members


def check_certificate(document: Mapping[str, Json], key: VerifierKey) -> CheckedCertificate:
    """Check every statement of a certificate, as :func:`parse_certificate` returns it.

    Raises:
        NotInLogError: it has no proofs.
        RefusedError: it states something that the log does not have.
    """
    if not document["proofs"]:
        raise NotInLogError("the certificate has no proofs: no statement about its tree was in the log")
    proofs = [_parse_proof(raw) for raw in document["proofs"]]
    count, last = _parse_proof(document["count"])
    if len({proof.checkpoint for _, proof in [*proofs, (count, last)]}) > 1:
        raise RefusedError("the proofs of the certificate have different checkpoints")
    note, checkpoint = open_checkpoint(last.checkpoint.encode(), key)
    _check_inclusion(count, last, checkpoint)
    if not isinstance(count, CountLeaf) or not count.size == last.index == checkpoint.size - 1:
        raise RefusedError("the count is not the last leaf of the log")
    shown = [_shown_leaf(leaf, proof, checkpoint) for leaf, proof in proofs]
    life, left_out = _lived([leaf for _, leaf in shown])
    if any(after.position <= before.position for before, after in pairwise(shown)):
        raise RefusedError("the proofs of the certificate are not in the order of the log")
    _check_particulars(document, life)
    _check_statements(document, life, [leaf for _, leaf in shown])
    return CheckedCertificate(document, shown, left_out, life, note, checkpoint, count)


def open_checkpoint(message: bytes, key: VerifierKey) -> tuple[SignedNote, Checkpoint]:
    """Return a checkpoint that this key of a log signed, with its note.

    Raises:
        RefusedError: it is not one.
    """
    note = parse_note(message)
    checkpoint = Checkpoint.parse(note.text)
    if checkpoint.origin != key.name:
        raise RefusedError(f"the checkpoint is of the log {checkpoint.origin}, not of {key.name}")
    if not open_note(note, [key]):
        raise RefusedError("the checkpoint has no signature of the log's key")
    return note, checkpoint


def _parse_proof(raw: Json) -> tuple[TreeLeaf | CountLeaf, TlogProof]:
    members = parse_object(raw, "a proof of the certificate", "leaf tlog_proof")
    leaf = parse_text(members["leaf"], "the leaf of a proof")
    return parse(leaf.encode()), TlogProof.parse(parse_text(members["tlog_proof"], "a tlog_proof"))


def _shown_leaf(leaf: TreeLeaf | CountLeaf, proof: TlogProof, checkpoint: Checkpoint) -> ShownLeaf:
    if not isinstance(leaf, TreeLeaf):
        raise RefusedError("a proof of the certificate is not about its tree")
    _check_inclusion(leaf, proof, checkpoint)
    return ShownLeaf(proof.index, leaf)


def _check_inclusion(leaf: TreeLeaf | CountLeaf, proof: TlogProof, checkpoint: Checkpoint) -> None:
    try:
        root = merkle.root_of_path(leaf.hash, proof.index, checkpoint.size, proof.path)
    except ValueError as error:
        raise RefusedError(f"leaf {proof.index} is not in the tree of the checkpoint: {error}") from None
    if root != checkpoint.root:
        raise RefusedError(f"leaf {proof.index} is not in the tree of the checkpoint")


def _lived(leaves: Sequence[TreeLeaf]) -> tuple[Life, int]:
    """Return the life that the shown leaves tell, and how many inspections are left out."""
    life = next_life(None, leaves[0])
    left_out = 0
    for leaf in leaves[1:]:
        left_out += life.left_out_before(leaf)
        life = next_life(life, leaf, may_leave_out=True)
    return life, left_out


def _check_particulars(document: Mapping[str, Json], life: Life) -> None:
    """Check the facts that never change, such as the species and the dedication."""
    particulars = _parse_particulars(document["particulars"])
    if digest(particulars) != life.particulars:
        raise RefusedError("the particulars are not those that the log commits to")
    for name in ("latin", "partner", "requested_at"):
        if document[name] != particulars[name]:
            raise RefusedError(f"{name} is not what the log commits to")
    species, place = particulars["species"], particulars["place"]
    if (document["species"], document["place"]) not in [(species[language], place[language]) for language in species]:
        raise RefusedError("species and place are not what the log commits to")
    dedication, salt = document["dedication"], document["salt"]
    if life.is_erased:
        if (dedication, salt) != (None, None):
            raise RefusedError("the dedication is shown, but the log says that it was erased")
        return
    if dedication is None or salt is None:
        raise RefusedError("the dedication or its salt is missing, and no proof says that it was erased")
    shown = dedication_digest(parse_text(dedication, "the dedication"), parse_hash(salt, "the salt"))
    if shown != particulars["dedication_digest"]:
        raise RefusedError("the dedication is not the one that the log commits to")


def _parse_particulars(raw: Json) -> dict[str, Any]:
    members = parse_object(raw, "particulars", "species latin place partner requested_at dedication_digest")
    for name in ("species", "place"):
        for language, text in parse_object(members[name], name, LANGUAGES_OF_PARTICULARS).items():
            parse_text(text, f"{name} in {language}")
    for name in ("latin", "partner"):
        parse_text(members[name], name)
    parse_time(members["requested_at"], "requested_at")
    parse_hash(members["dedication_digest"], "dedication_digest")
    return members


def _check_statements(document: Mapping[str, Json], life: Life, leaves: Sequence[TreeLeaf]) -> None:
    """Check the members that repeat what the leaves say."""
    for name in ("certificate", "state", "project_id", "planted_at"):
        if document[name] != getattr(life, name):
            raise RefusedError(f"{name} is not what the log says")
    if len(document["history"]) != len(leaves):
        raise RefusedError("the history does not have one event for each proof")
    for raw, leaf in zip(document["history"], leaves, strict=True):
        _check_shown_event(raw, leaf)
    planting = next(leaf for leaf in reversed(leaves) if leaf.event in _PLANTINGS)
    tree = parse_object(document["tree"], "the tree", "tag lat lon photo link")
    logged = {"tag": life.tag, "lat": float(life.lat), "lon": float(life.lon)}
    # As texts, because Python takes true and 1 as equal.
    if encode({name: tree[name] for name in logged}) != encode(logged):
        raise RefusedError("the tag or the place of the tree is not what the log says")
    _check_evidence(tree, planting, "the tree")


def _check_shown_event(raw: Json, leaf: TreeLeaf) -> None:
    event = parse_object(raw, "an event of the history", "event state at recorded_at photo link")
    logged = {"event": leaf.event, "state": leaf.state, "at": leaf.occurred_at, "recorded_at": leaf.recorded_at}
    for name, value in logged.items():
        if event[name] != value:
            raise RefusedError(f"{name} in the history is not what the log says of {name_of(leaf)}")
    _check_evidence(event, leaf, name_of(leaf))


def _check_evidence(members: Mapping[str, Json], leaf: TreeLeaf, where: str) -> None:
    """Check the photo and the link that the certificate shows against the hashes in the leaf."""
    photo, link = members["photo"], members["link"]
    if photo is not None:
        photo = parse_object(photo, "a photo", "sha256 url")
        address = parse_text(photo["url"], "the address of a photo")
        if not leaf.photo or not re.fullmatch(rf"https?://[!-~]+/photos/{re.escape(leaf.photo)}", address):
            raise RefusedError(f"the address of the photo of {where} does not end in its hash")
    if (photo["sha256"] if photo else "") != leaf.photo:
        raise RefusedError(f"the photo of {where} is not the one that was logged")
    if (hashlib.sha256(parse_text(link, "a link").encode()).hexdigest() if link is not None else "") != leaf.link:
        raise RefusedError(f"the link of {where} is not the one that was logged")


def _is_error_response(text: bytes) -> bool:
    """Return whether a text is an error response: a problem document (RFC 9457), markup, or an API Gateway error."""
    if text.lstrip().startswith(b"<"):
        return True
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return False
    if not isinstance(document, dict):
        return False
    is_problem = "code" in document and bool({"title", "status"} & document.keys())
    return is_problem or document.keys() == {"message"}  # an error of API Gateway
