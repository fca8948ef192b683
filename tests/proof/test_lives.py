"""Tampers with the histories of a thousand trees. A certificate that still verifies shows the tree's true state.

The histories follow the real rules: a partner's reports become statements, statements become entries of the log, and
the service makes the certificate. Then the test hides, changes or repeats one statement, or hides several in a row, in
the certificate, in the log or in both. It makes the rest of the certificate agree with the change, as a careful forger
without the signing key would.
"""

import json
import random
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import pytest

from saxaul.certificate.certificate import Certificate
from saxaul.log.entries import LogEntry
from saxaul.log.parsing import NotVerifiedError
from saxaul.log.verify import verify
from saxaul.services.find_certificate import proven_certificate
from saxaul.storage.signing import SigningKey
from saxaul.trees.redemptions import Redemption
from saxaul.trees.report_rules import apply_confirmations, apply_inspections
from saxaul.trees.statements import log_draft
from saxaul.trees.states import State
from tests.builders import DAY, NOON, confirmation, inspection, make_calendar, make_order, make_redemption
from tests.proof.memory_kms import MemoryKMS
from tests.proof.published import END, PARTNER

LIVES = 1000
MOST_EVENTS = 40
CALENDAR = make_calendar()

Json = Any


class Life(NamedTuple):
    """A tree's published certificate, and the published entries of the log, oldest first."""

    certificate: Json
    entries: Sequence[Json]


def reports_in(rng: random.Random, number: str, events: int) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield a partner's reports of a tree, one for each event. Some trees die rarely, others often."""
    mortality = rng.choice([0.1, 0.3, 0.7, 1.0])
    yield "planted", confirmation(number, tag="AX-1", planted_at=CALENDAR.rfc3339(NOON))
    state = "planted"
    for day in range(1, events):
        state = "replaced" if state == "dead" else rng.choices(["dead", "alive"], [mortality, 1 - mortality])[0]
        moment = CALENDAR.rfc3339(NOON + day * DAY)
        # All replacements get the place of the first tree, and half get its tag. Such a replacement changes neither.
        tag = rng.choice(["AX-1", f"AX-{day}"])
        planted = {"planted_at": moment, "tag": tag, "lat": 38.851, "lon": 105.731} if state == "replaced" else {}
        photo = f"https://trees.example/{day}.jpg"
        yield state, inspection(number, state, inspected_at=moment, evidence_url=photo, **planted)


def make_life(rng: random.Random, events: int, key: SigningKey) -> Life:
    """Make a tree's life of ``events`` events. Some requests of the partner report several of them."""
    redemption = make_redemption(dedication="For my grandmother").reserved(NOON).ordered("o-1", NOON)
    [tree] = redemption.trees
    order = make_order(redemption)
    entries: list[LogEntry] = []
    reports = list(reports_in(rng, tree.number, events))
    while reports:
        calls = 1 if not entries else rng.choice([1, 1, 1, 2, 5])
        now, (taken, reports) = NOON + 100 * DAY + len(entries), (reports[:calls], reports[calls:])
        take = apply_inspections if entries else apply_confirmations
        outcome = take(order, {redemption.redemption_id: redemption}, [report for _, report in taken], now, CALENDAR)
        assert not outcome.refused
        draft = log_draft(outcome, order, CALENDAR, len(entries) + 1)
        [redemption] = draft.redemptions
        head = entries[-1] if entries else None
        entry = LogEntry.draft(head, PARTNER, draft.leaves, signed_at=CALENDAR.rfc3339(now), key_id=key.key_id)
        entries.append(entry.signed(key.sign(entry.signed_bytes)))
    shown = certificate_of(redemption, entries).document("en")
    return Life(shown, [entry.document() for entry in entries])


def certificate_of(redemption: Redemption, entries: Sequence[LogEntry]) -> Certificate:
    [tree] = redemption.trees
    assert tree.seal
    known = {entry.sequence: entry for entry in entries}
    return proven_certificate(redemption, tree, tree.seal, make_order(redemption).project, known)


def rewrite_certificate(certificate: Json) -> None:
    """Make a certificate agree with the events of its proof, as a careful forger would."""
    events = certificate["proof"]["events"]
    plantings = [event for event in events if event["leaf"]["event"] in ("planted", "replaced")]
    if not plantings:
        return
    last, planted = events[-1]["leaf"], plantings[-1]
    certificate["state"] = last["event"]
    certificate["planted_at"] = planted["leaf"]["occurred_at"]
    certificate["tree"] = {name: last[name] for name in ("tag", "lat", "lon")} | {"photo_url": planted["photo_url"]}
    certificate["history"] = [
        {
            "state": event["leaf"]["event"],
            "at": event["leaf"]["occurred_at"],
            "recorded_at": event["leaf"]["recorded_at"],
            "evidence_url": event["photo_url"],
        }
        for event in events
    ]


def hide(rng: random.Random, statements: list[Json]) -> None:
    del statements[rng.randrange(len(statements))]


def hide_many(rng: random.Random, statements: list[Json]) -> None:
    """Hide several statements in a row, such as a death, its replacement and an inspection."""
    first, last = sorted(rng.sample(range(len(statements) + 1), 2))
    del statements[first:last]


def repeat(rng: random.Random, statements: list[Json]) -> None:
    statements.insert(rng.randrange(len(statements) + 1), json.loads(json.dumps(rng.choice(statements))))


def change(rng: random.Random, statements: list[Json]) -> None:
    """Change a field of a statement, copy another statement over it, or remove its photo."""
    statement = rng.choice(statements)
    leaf = statement.get("leaf", statement)
    name = rng.choice(["event", "follows", "occurred_at", "tag", "evidence", "all", "event and follows"])
    if name == "all":
        statement |= json.loads(json.dumps(rng.choice(statements)))
    elif name == "event and follows":
        leaf |= {"event": "alive", "follows": "alive"}
    else:
        leaf[name] = rng.choice(["alive", "dead", "replaced", "AX-7", "", "2026-07-01T12:00:00+08:00"])
    if "photo_url" in statement and rng.random() < 0.3:
        statement["photo_url"] = None


TAMPERINGS: Sequence[Callable[[random.Random, list[Json]], None]] = (hide, hide_many, change, repeat)


def tampered(rng: random.Random, life: Life) -> Life:
    """Return a copy of a life that was tampered with once: in the certificate, in the log, or in both."""
    certificate, entries = json.loads(json.dumps([life.certificate, life.entries]))
    tamper, where = rng.choice(TAMPERINGS), rng.choice(["certificate", "certificate", "log", "both"])
    if where != "log":
        tamper(rng, certificate["proof"]["events"])
        if certificate["proof"]["events"]:
            rewrite_certificate(certificate)
    if where != "certificate":
        tamper(rng, entries if rng.random() < 0.5 else rng.choice(entries)["leaves"])
    return Life(certificate, entries)


def text_of(document: Json) -> bytes:
    """Return canonical JSON, without any check of its content."""
    return json.dumps(document, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def refusal_of(life: Life, key: SigningKey, *, end: Sequence[bytes] = (END,)) -> str | None:
    """Return the reason for which a life is not verified, or None if it is verified."""
    size = 1 + len(life.entries) // 2
    pages = [text_of({"entries": life.entries[start : start + size]}) for start in range(0, len(life.entries), size)]
    try:
        list(verify(text_of(life.certificate), [*pages, *end], key.pem.encode()))
    except NotVerifiedError as reason:
        return str(reason)
    return None


def true_state(life: Life, entries: int) -> Json:
    """Return the state after that many entries of the true log, computed from the leaves alone."""
    leaves = [leaf for entry in life.entries[:entries] for leaf in entry["leaves"]]
    planted = [leaf for leaf in leaves if leaf["event"] in ("planted", "replaced")][-1]
    turns = [(leaf["event"], leaf["occurred_at"]) for leaf in leaves if leaf["event"] != "alive"]
    return leaves[-1]["event"], leaves[-1]["tag"], planted["occurred_at"], turns


def shown_state(certificate: Json) -> Json:
    """Return the state that a certificate shows."""
    turns = [(turn["state"], turn["at"]) for turn in certificate["history"] if turn["state"] != State.ALIVE]
    return certificate["state"], certificate["tree"]["tag"], certificate["planted_at"], turns


@pytest.fixture(scope="module")
def key() -> Iterator[SigningKey]:
    kms = MemoryKMS()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("saxaul.storage.signing.kms", lambda: kms)
        yield SigningKey("key")


def test_no_tampered_certificate_is_verified_if_it_shows_a_state_other_than_the_true_one(
    key: SigningKey,
) -> None:
    wrong, verified = [], 0
    for seed in range(LIVES):
        rng = random.Random(seed)
        life = make_life(rng, rng.randint(1, MOST_EVENTS), key)
        forged = tampered(rng, life)
        if refusal_of(forged, key) is None:
            verified += 1
            if shown_state(forged.certificate) != true_state(life, len(forged.entries)):
                wrong.append(seed)

    assert wrong == []
    assert verified < LIVES / 3, "the verifier must detect most of the tampering"


def test_every_certificate_of_the_service_is_verified_even_if_it_leaves_out_inspections(key: SigningKey) -> None:
    lives = [make_life(random.Random(f"whole {seed}"), events, key) for seed in range(3) for events in range(1, 60, 2)]

    assert [refusal_of(life, key) for life in lives] == [None] * len(lives)
    assert [shown_state(life.certificate) for life in lives] == [true_state(life, len(life.entries)) for life in lives]
    shown = [len(life.certificate["history"]) for life in lives]
    assert shown != [sum(len(entry["leaves"]) for entry in life.entries) for life in lives], (
        "no certificate leaves out an inspection"
    )


def test_without_the_whole_log_no_certificate_is_verified(key: SigningKey) -> None:
    life = make_life(random.Random(1), 5, key)

    assert "only the log shows whether it leaves out a death" in str(
        refusal_of(Life(life.certificate, []), key, end=())
    )
    assert "fetch the next page" in str(refusal_of(life, key, end=()))
    assert refusal_of(life, key) is None


def test_a_certificate_with_forty_events_stays_below_100_kb(key: SigningKey) -> None:
    lives = [make_life(random.Random(seed), MOST_EVENTS, key) for seed in range(40)]

    assert max(len(life.certificate["history"]) for life in lives) == MOST_EVENTS
    assert max(len(text_of(life.certificate)) for life in lives) < 100_000
