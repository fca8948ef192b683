"""The content of the vectors: trees, the reports of partners, and the certificates and forgeries made from them."""

from collections.abc import Sequence
from typing import Any, NamedTuple

Json = dict[str, Any]
Story = Sequence[tuple[str, str]]

VERIFIED, REFUSED, INCOMPLETE, ABSENT = "VERIFIED", "REFUSED: ", "INCOMPLETE: ", "NOT IN THE LOG: "
EXIT_CODES = {VERIFIED: 0, REFUSED: 1, INCOMPLETE: 3, ABSENT: 4}


class Project(NamedTuple):
    project_id: str
    species: Json
    latin: str
    place: Json
    partner: str
    lat: int
    lon: int


class Shown(NamedTuple):
    """A certificate to make. The two sequences hold the indexes of the events and photos that it leaves out."""

    tree: int
    lang: str = "en"
    without_events: Sequence[int] = ()
    without_photos: Sequence[int] = ()


class Forgery(NamedTuple):
    mentions: str
    changes: Json


class Check(NamedTuple):
    """The files to verify, and the expected last line: its beginning, and a word that the rest of it mentions."""

    last_line: str
    mentions: str = ""
    certificate: str = ""
    log: Sequence[str] = ()
    key: str = "key.pem"


ALXA, MINQIN, AYSEN, SURVEY = "Alxa SEE Foundation", "民勤治沙站", "Fundación Aysén", "Forest Survey"
PROJECTS = (
    Project(
        "saxaul", {"en": "Saxaul", "zh": "梭梭"}, "Haloxylon ammodendron", {"en": "Alxa", "zh": "阿拉善"}, ALXA, 38, 105
    ),
    Project("elm", {"en": "Elm", "zh": "榆树"}, "Ulmus pumila", {"en": "Minqin", "zh": "民勤"}, MINQIN, 39, 103),
    Project(
        "lenga", {"en": "Lenga", "zh": "南青冈"}, "Nothofagus pumilio", {"en": "Aysén", "zh": "艾森"}, AYSEN, -45, -72
    ),
)
DEDICATIONS = (
    "献给奶奶 🌵",
    "For my mother",
    'A "quoted" \\ line\n\tand\u2028more\x1f\x7f',
    "e\u0301 is not é",
    "𠮷野家 👩‍👩‍👧",
)

STORY: Story = (
    (ALXA, "1 planted"),
    (MINQIN, "2 planted photo, 5 planted, 8 planted photo, 11 planted photo, 14 planted, 17 planted photo, 20 planted"),
    (ALXA, "1 alive photo, 4 planted photo, 10 planted photo"),
    (MINQIN, "2 alive, 5 dead, 8 dead photo, 11 alive photo, 17 dead"),
    (MINQIN, "8 replaced photo 民勤-8b, 17 replaced"),
    (SURVEY, "8 alive photo, 10 alive photo, 4 alive, 17 alive photo"),
    (AYSEN, ", ".join(f"{tree} planted photo" for tree in range(3, 42, 3))),
    *((ALXA, f"10 {event}") for event in ("alive", "dead photo", "replaced photo A-10b", "alive photo", "alive photo")),
    (SURVEY, "10 alive, 17 dead, 12 alive photo, 4 dead"),
    *((ALXA, f"10 alive photo, 12 {event}") for event in ("dead", "replaced photo", "alive photo", "alive photo")),
    *((ALXA, "10 alive photo"),) * 3,
    (ALXA, "10 alive photo, 4 replaced photo"),
)
"""The entries of the log: the reporter, and for each leaf the tree, the event, ``photo`` if any, and a new tag."""

GENUINE = {
    "newly planted": Shown(20),
    "newly planted, in Chinese": Shown(20, "zh"),
    "newly planted, in the south": Shown(39),
    "alive": Shown(1),
    "dead": Shown(5),
    "replaced": Shown(4),
    "replaced, with another tag": Shown(8),
    "dead, replaced and dead again": Shown(17),
    "inspected before a death": Shown(12),
    "sixteen events": Shown(10),
    "sixteen events, of which twelve are shown": Shown(10, "en", (1, 2, 5, 8), (0, 3, 6, 9)),
}

HIDING = {
    "a hidden death": ("dead", Shown(5, without_events=[1])),
    "a hidden inspection": ("alive", Shown(1, without_events=[1])),
    "a hidden death and replacement": ("dead", Shown(12, without_events=[2, 3, 4])),
    "sixteen events, of which eleven are shown": ("following", Shown(10, without_events=[1, 2, 5, 6, 7])),
    "sixteen events, without the newest": ("alive", Shown(10, without_events=[15])),
    "sixteen events, without the photo of the plant": ("photo", Shown(10, without_photos=[4])),
    "a missing photo": ("photo", Shown(1, without_photos=[1])),
}
"""Certificates that leave out too much. Each has a word of the reason for which it is refused."""

OTHER_DATE, OTHER_PHOTO = "2025-01-01T12:00:00+08:00", "https://trees.example/other.jpg"
FORGED = {
    "a changed dedication": Forgery("dedication", {"dedication": "For my father"}),
    "an erased dedication": Forgery("dedication", {"dedication": None}),
    "a changed salt": Forgery("dedication", {"proof.salt": "0" * 64}),
    "a changed number": Forgery("certificate is", {"certificate": "0000-0000-0002-0"}),
    "a changed state": Forgery("state is", {"state": "planted"}),
    "a changed species": Forgery("species", {"species": "Elm"}),
    "changed particulars": Forgery("particulars", {"species": "Elm", "proof.particulars.species.en": "Elm"}),
    "two languages": Forgery("species", {"species": "梭梭"}),
    "a changed partner": Forgery("partner", {"partner": SURVEY}),
    "a changed date of the request": Forgery("requested_at", {"requested_at": OTHER_DATE}),
    "a changed date of planting": Forgery("planted_at", {"planted_at": OTHER_DATE}),
    "a changed history": Forgery("history", {"history.1.recorded_at": OTHER_DATE}),
    "a changed photo": Forgery(
        "photo", {"history.1.evidence_url": OTHER_PHOTO, "proof.events.1.photo_url": OTHER_PHOTO}
    ),
    "a changed tag": Forgery("tree is", {"tree.tag": "S-2"}),
    "a changed latitude": Forgery("tree is", {"tree.lat": 38.85}),
    "a longitude as text": Forgery("tree is", {"tree.lon": "105.7300001"}),
    "a changed leaf": Forgery(
        "Merkle", {"tree.tag": "S-2", "proof.events.0.leaf.tag": "S-2", "proof.events.1.leaf.tag": "S-2"}
    ),
    "a wrong index": Forgery("Merkle", {"proof.events.1.index": 1}),
    "a wrong path": Forgery("Merkle", {"proof.events.1.path": ["0" * 64, "0" * 64]}),
    "a path that is too long": Forgery("Merkle", {"proof.events.0.path": ["0" * 64]}),
    "a path that is too short": Forgery("Merkle", {"proof.events.1.path": ["0" * 64]}),
    "a changed reporter": Forgery("signature", {"proof.events.1.entry.by": SURVEY}),
    "without its proof": Forgery("proof", {"proof": None}),
    "an additional member": Forgery("members", {"owner": "u-42"}),
}
"""Forgeries: each changes the certificate ``alive``."""

NOT_PLANTED: Json = {"certificate": "0000-0000-0050-0", "state": "reserved"} | {
    "history": [],
    "planted_at": None,
    "proof": None,
    "tree": None,
}
"""The changes that turn the certificate ``alive`` into one of a tree that is not in the log."""

SIGNED = {
    "a wrong count": Forgery("counts", {"counts.planted": 11, "counts.standing": 11}),
    "a wrong size": Forgery("number of leaves", {"size": 4}),
    "a broken chain": Forgery("entry before", {"previous": "0" * 64}),
    "a gap in the log": Forgery("entry 4", {"sequence": 4}),
    "a tree planted twice": Forgery("planted", {"leaves.1.certificate": "0000-0000-0002-0"}),
    "a replacement without a death": Forgery("replaced", {"leaves.0.event": "replaced"}),
    "a wrong event before": Forgery("following", {"leaves.0.follows": "alive"}),
    "an earlier date": Forgery("dated", {"leaves.0.occurred_at": OTHER_DATE}),
    "a moved tree": Forgery("place", {"leaves.0.lat": "39.0000000"}),
    "an unknown event": Forgery("event", {"leaves.0.event": "felled"}),
    "a time without an offset": Forgery("occurred_at", {"leaves.0.occurred_at": "2026-03-09T09:01:00"}),
    "a date instead of a time": Forgery("recorded_at", {"leaves.0.recorded_at": "2026-03-10"}),
    "a word instead of a time": Forgery("signed_at", {"signed_at": "yesterday"}),
}
"""Forgeries: each changes the third and newest entry of a log before the key signs it."""

UNSIGNED = {
    "a changed count": Forgery("signature", {"log.2.counts.planted": 11}),
    "a changed statement": Forgery("root", {"log.1.leaves.0.tag": "E-3"}),
    "a changed reporter of an older entry": Forgery("signature", {"log.0.by": SURVEY}),
}
"""Forgeries: each changes a log after the key signed it."""

P1, P2, P3, END = "page-1.json", "page-2.json", "page-3.json", "end.json"
WHOLE = (P1, P2, P3, END)
ASSEMBLED = {
    "the log alone": Check(VERIFIED, log=WHOLE),
    "pages in another order": Check(VERIFIED, "", "alive.json", (P3, P1, P2, END)),
    "an older copy, and a tree from before": Check(VERIFIED, "", "alive.json", (P1, P2, END)),
    "an older copy, and a tree from after": Check(ABSENT, "entry 4", "dead.json", (P1, P2, END)),
    "an older and a newer copy": Check(VERIFIED, "", "", (P1, P2, END, *WHOLE)),
    "two different logs": Check(REFUSED, "entries 3", "", (*WHOLE, "a-log-that-differs-in-entry-3.json")),
    "without the first page": Check(INCOMPLETE, "first page", "alive.json", (P2, P3, END)),
    "without the second page": Check(INCOMPLETE, "after=2", "alive.json", (P1, P3, END)),
    "without the page that ends the log": Check(INCOMPLETE, "after=21", "alive.json", (P1, P2, P3)),
    "without a log": Check(INCOMPLETE, "--log", "alive.json"),
    "a hidden death, without a log": Check(INCOMPLETE, "death", "a-hidden-death.json"),
    "a hidden replacement, without a log": Check(INCOMPLETE, "death", "a-hidden-death-and-replacement.json"),
    "an error instead of a page": Check(INCOMPLETE, "log is an error", "alive.json", (P1, "error.json", P3, END)),
    "an error instead of a certificate": Check(INCOMPLETE, "certificate is an error", "error.json", WHOLE),
    "another key": Check(REFUSED, "key", "alive.json", WHOLE, "other-key.pem"),
    "a file with two keys": Check(VERIFIED, "", "alive.json", WHOLE, "both-keys.pem"),
}
"""Cases that combine files of the other cases."""
