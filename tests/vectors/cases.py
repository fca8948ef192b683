"""The content of the vectors: trees, what is stated about them, and the certificates and forgeries made from that."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from tests.vectors.trees import SURVEY

Json = dict[str, Any]

VERIFIED, OK, FORGED, TO_FETCH, NOT_YET = (
    "VERIFIED AS OF ",
    "OK ",
    "FORGED: ",
    "MORE TO FETCH: ",
    "NOT IN THE LOG YET: ",
)
EXIT_CODES = {VERIFIED: 0, OK: 0, FORGED: 1, TO_FETCH: 3, NOT_YET: 4}


class Shown(NamedTuple):
    """A certificate to make. ``left_out`` holds the numbers of the statements that it leaves out."""

    tree: int
    lang: str = "en"
    left_out: Sequence[int] = ()


class Forgery(NamedTuple):
    """Changes of a certificate, by their place, such as ``history.1.at``, and a word of the reason to refuse it."""

    mentions: str
    changes: Json


class Check(NamedTuple):
    """What to verify, and the expected last line: its beginning, and a word that the rest of it mentions.

    Attributes:
        certificate: its name in the vectors; empty if a monitor is to follow the log instead.
        changes: of the certificate, by their place.
        log: the name of the log that is given; empty if none is.
        policy: whether the policy of the vectors is demanded.
    """

    last_line: str
    mentions: str = ""
    certificate: str = ""
    changes: Json | None = None
    log: str = ""
    policy: bool = False
    vkey: str = "vkey"


STORY: Sequence[tuple[int, str]] = (
    (1, "planted"),
    *((tree, "planted") for tree in range(2, 10)),
    (1, "alive"),
    (4, "dead"),
    (5, "dead"),
    (5, "replaced"),
    (6, "alive"),
    (6, "corrected"),
    (7, "dead"),
    (7, "withdrawn"),
    (7, "alive"),
    (8, "alive"),
    (8, "dedication_erased"),
    *((9, event) for event in ("alive", "alive", "alive", "dead", "replaced", "alive", "dead", "withdrawn")),
    *((9, event) for event in ("corrected", "dead", "replaced", *["alive"] * 9)),
    (3, "alive"),
)
"""What is stated, one after the other: the tree and the event. ``withdrawn`` is a correction that ends a death."""

COUNT_EVERY = 7
"""A count comes after as many statements."""

GENUINE = {
    "newly planted": Shown(2),
    "newly planted, in Chinese": Shown(2, "zh"),
    "alive": Shown(1),
    "dead": Shown(4),
    "replaced": Shown(5),
    "corrected": Shown(6),
    "a withdrawn death": Shown(7),
    "erased": Shown(8),
    "twenty-two events, of which some inspections are left out": Shown(9),
}

HIDING = {
    "a hidden death and replacement": (FORGED, "follow", Shown(9, "en", (4, 5))),
    "a hidden correction in the middle": (FORGED, "follow", Shown(9, "en", (9,))),
    "a hidden withdrawal": (FORGED, "follow", Shown(7, "en", (2,))),
    "a hidden planting": (FORGED, "planting", Shown(1, "en", (0,))),
}
"""Certificates that leave out too much, which is seen without the log."""

HIDING_THE_END = {
    "a hidden latest death": Shown(4, "en", (1,)),
    "a hidden latest inspection": Shown(1, "en", (1,)),
    "a hidden latest correction": Shown(6, "en", (2,)),
    "a hidden latest replacement": Shown(5, "en", (2,)),
    "a hidden erasure": Shown(8, "en", (2,)),
    "a hidden end of eleven events": Shown(9, "en", range(11, 22)),
}
"""Certificates that leave out the newest statements. Only the log can show that."""

OTHER_TIME, OTHER_HASH = "2025-01-01T12:00:00+08:00", "0" * 64
FORGERIES = {
    "a changed dedication": Forgery("dedication", {"dedication": "For my father"}),
    "a missing dedication": Forgery("dedication", {"dedication": None, "salt": None}),
    "a changed salt": Forgery("dedication", {"salt": OTHER_HASH}),
    "a changed number": Forgery("certificate is", {"certificate": "0000-0000-0002-0"}),
    "a changed state": Forgery("state is", {"state": "planted"}),
    "a changed species": Forgery("species", {"species": "Poplar"}),
    "changed particulars": Forgery("particulars", {"latin": "Quercus", "particulars.latin": "Quercus"}),
    "a changed partner": Forgery("partner", {"partner": SURVEY}),
    "a changed time of the request": Forgery("requested_at", {"requested_at": OTHER_TIME}),
    "a changed time of planting": Forgery("planted_at", {"planted_at": OTHER_TIME}),
    "a changed history": Forgery("history", {"history.1.recorded_at": OTHER_TIME}),
    "a changed photo": Forgery(
        "photo",
        {"history.1.photo": {"sha256": OTHER_HASH, "url": f"https://files.example/photos/{OTHER_HASH}"}},
    ),
    "a missing photo": Forgery("photo", {"history.1.photo": None}),
    "a changed link": Forgery("link", {"tree.link": "https://trees.example/other"}),
    "a changed tag": Forgery("tag", {"tree.tag": "S-2"}),
    "a changed latitude": Forgery("place", {"tree.lat": 38.85}),
    "a longitude as text": Forgery("place", {"tree.lon": "105.7300001"}),
    "no proof of the planting": Forgery("planting", {"proofs.0": None, "history.0": None}),
    "an additional member": Forgery("members", {"owner": "u-42"}),
    "no count": Forgery("proof", {"count": None}),
    "an index that is too large": Forgery("index", {"proofs.1.tlog_proof": ("index 10", "index 9" + "9" * 18)}),
    "another index": Forgery("not in the tree", {"proofs.1.tlog_proof": ("index 10", "index 11")}),
    "another size": Forgery("checkpoints", {"proofs.1.tlog_proof": ("\nlog.example/trees\n", "\nlog.example/other\n")}),
    "extra data": Forgery("tlog-proof", {"proofs.1.tlog_proof": ("\nindex", "\nextra AAAA\nindex")}),
    "another version of proofs": Forgery("tlog-proof", {"proofs.1.tlog_proof": ("proof@v1", "proof@v2")}),
    "a changed leaf": Forgery("not in the tree", {"proofs.1.leaf": ('"tag":"E-', '"tag":"X-'), "tree.tag": "X-1-0"}),
}
"""Forgeries: each changes the certificate ``alive``. A pair of texts replaces one by the other in a text."""

NOT_IN_THE_LOG: Json = {"proofs": [], "history": [], "particulars": None, "salt": None, "count": None}

LIES: dict[str, tuple[str, Sequence[tuple[int, str, Json]]]] = {
    "a tree planted twice": ("planted", [(1, "planted", {"previous": "", "since": 0})]),
    "a tag of another tree": ("tag", [(3, "planted", {"tag": "l-2-0"})]),
    "a place of another tree": ("place", [(3, "planted", {"lat": "-45.0002000", "lon": "-72.7300005"})]),
    "a replacement without a death": ("cannot come after", [(1, "replaced", {})]),
    "a wrong count": ("counts", [(0, "count", {"planted": 3, "standing": 3})]),
    "a count of another size": ("count", [(0, "count", {"size": 7})]),
    "a wrong number of statements": ("number of statements", [(1, "alive", {"since": 3})]),
    "an earlier time": ("dated", [(1, "alive", {"occurred_at": OTHER_TIME})]),
    "a moved tree": ("place", [(1, "alive", {"lat": "39.0000000"})]),
    "a time without an offset": ("recorded_at", [(1, "alive", {"recorded_at": "2026-03-09T09:01:00"})]),
}
"""Wrong statements that the log has signed after two trees were planted, as the monitor must refuse them."""
