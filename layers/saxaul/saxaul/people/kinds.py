"""The one table of all kinds of items: everything that a stack stores, whose it is, and what an erasure does with it.

It has the items of all tables, the objects of all buckets, the messages of all queues, and what is logged and sent. The
export of a person has a line for each item of the first nine kinds, in the order of the table. An erasure counts the
items of the same kinds. docs/privacy.md prints the table. The tests search whole stacks for what it does not list.
"""

import re
from collections.abc import Mapping
from typing import Literal, NamedTuple, get_args

from saxaul.catalog.entries import KINDS as KINDS_OF_ENTRIES

ExportedKind = Literal[
    "wallet",
    "period",
    "evidence",
    "early_reversal",
    "grant",
    "participation",
    "redemption",
    "certificate",
    "ordered_tree",
]
"""The kinds of a person that are exported. An erasure deletes them, and its receipt has the number of each."""

EXPORTED: tuple[ExportedKind, ...] = get_args(ExportedKind)

Whose = Literal["person", "facility", "nobody", "app", "partner", "programme"]

_PLACES: Mapping[str, str] = {
    "kind": "|".join(KINDS_OF_ENTRIES),
    "month": "[0-9]{4}-[0-9]{2}",
    "year": "[0-9]{4}",
    "day": "[0-9]{4}-[0-9]{2}-[0-9]{2}",
    "window": "[0-9]{4}(-[0-9]{2}){0,2}",
    "digit": "[0-9]",
    "digits": "[0-9]+",
    "sha256": "[0-9a-f]{64}",
    "form": "csv|json",
    "evidence": "(tag|place|photo)#.+",
    "path": ".+",
    "run": "[^#]+@[0-9-]+",
}
"""What a name in angle brackets of a key stands for. Every other name stands for a text without ``#``."""


class ItemKind(NamedTuple):
    """A kind of items, objects, messages or lines.

    Attributes:
        name: a singular noun.
        where: the logical ids of the table, bucket, queue, bus, pool or log group of the template that have it.
        key: the keys of an item (partition key and sort key), or the key of an object. Names in angle brackets stand
            for what differs. Empty if the place has no keys.
        whose: whose it is.
        about: what it is.
        erased: what an erasure does with it; empty if it does nothing.
        stays: what stays after an erasure, and why; empty if nothing stays.
        part: if it is a part of an item of another kind, where it is in that item.
    """

    name: str
    where: tuple[str, ...]
    key: str
    whose: Whose
    about: str
    erased: str = ""
    stays: str = ""
    part: str = ""

    @property
    def is_exported(self) -> bool:
        return self.name in EXPORTED

    def has(self, place: str, key: str) -> bool:
        """Return whether an item with this key in this place is of this kind. ``key`` is written as in the table."""
        return place in self.where and bool(self.key) and not self.part and bool(_PATTERNS[self.name].fullmatch(key))


def key_of_item(pk: str, sk: str) -> str:
    """Return the keys of an item as they are written in the table."""
    return f"{pk} / {sk}"


def kinds_of(place: str, key: str) -> list[ItemKind]:
    """Return the kinds of an item or object. There must be exactly one."""
    return [kind for kind in ITEM_KINDS if kind.has(place, key)]


_LEDGER, _ACTIVITY, _CATALOG = ("LedgerTable",), ("ActivityTable",), ("CatalogTable",)
_FILES, _PUBLISHED = ("FilesBucket",), ("CatalogBucket",)
_NO_PERSON = "It names no person."
_SUMS = "It has sums of everybody, and names no person. What a person did stays counted."
_DROPPED = "A worker drops it when it arrives."
_14_DAYS = "At most 14 days, and 14 more as a dead letter."

ITEM_KINDS: tuple[ItemKind, ...] = (
    # What is held about a person, and exported. The order is that of the export.
    ItemKind("wallet", _LEDGER, "USER#<user_id> / WALLET", "person", "the points that can be spent", "deleted"),
    ItemKind(
        *("period", _LEDGER, "USER#<user_id> / PAGE#<window>", "person", "the actions of a day, a month or a year"),
        erased="deleted; its sums are added to `nameless_day`",
    ),
    ItemKind(
        *("evidence", _LEDGER, "USER#<user_id> / EVIDENCE#<evidence_id>", "person"),
        *("which actions claim a ticket, a trip or an order", "deleted"),
    ),
    ItemKind(
        *("early_reversal", _LEDGER, "USER#<user_id> / EARLY#<app>", "person"),
        *("reversals of an app that came before their actions", "deleted"),
    ),
    ItemKind(
        *("grant", _LEDGER, "USER#<user_id> / GRANT#<app>", "person", "what a third-party app may do"),
        erased="deleted",
    ),
    ItemKind(
        *("participation", _LEDGER, "USER#<user_id> / PARTICIPATION#<run>", "person"),
        about="how many periods took part in a run of a campaign",
        erased="deleted; what it counted is added to `nameless_run`",
    ),
    ItemKind(
        *(
            "redemption",
            _LEDGER,
            "USER#<user_id> / TREE#<redemption_id>",
            "person",
            "a request for trees, and its trees",
        ),
        erased="deleted. If it waits, it is cancelled before. If its trees are ordered, they become nobody's",
    ),
    ItemKind(
        *("certificate", _LEDGER, "CERT#<number> / CERT", "person", "to which redemption a certificate belongs"),
        erased="deleted, or it refers to nobody",
        stays="That of an ordered tree, without the person, so that the tree can be shown and inspected.",
    ),
    ItemKind(
        *("ordered_tree", _LEDGER, "ORDER#<order_id> / ORDER", "person", "a tree in a planting order"),
        erased="the user id in the order is replaced by nobody's",
        stays="The tree in the order, without the person: the partner plants it.",
        part="trees",
    ),
    # What is about a person, and not exported.
    ItemKind(
        *("export_file", ("ExportBucket",), "exports/<name>/<sha256>.jsonl", "person", "an export that is too long"),
        erased="deleted. It expires within two days",
    ),
    # What an erasure leaves of a person, without the person.
    ItemKind(
        *("redemption_of_nobody", _LEDGER, "NOBODY#<number> / TREE#<redemption_id>", "nobody"),
        about="a redemption with ordered trees whose person was erased",
        stays="Its trees are ordered or planted, and partners report on them. It has no person and no dedication. Its "
        "id is a hash of app, person and Idempotency-Key.",
    ),
    ItemKind(
        *("nameless_day", _LEDGER, "NAMELESS#<month> / DAY#<day>", "nobody", "what erased periods of a day counted"),
        stays="The public totals would not add up without it. It has one sum for all erased persons.",
    ),
    ItemKind(
        *("nameless_run", _LEDGER, "NAMELESS#RUN#<run> / RUN", "nobody", "what erased participations counted"),
        stays="The same, for a run of a campaign.",
    ),
    ItemKind(
        *("held_sums", _LEDGER, "ERASURE#<erasure_id> / SUMS#PAGE#<window>", "nobody"),
        about="sums of an erased period that are not in `nameless_day` yet",
        erased="deleted before the erasure is finished",
    ),
    ItemKind(
        *("erasure_mark", _LEDGER, "ERASED#<name> / ERASURE", "nobody", "that a person was erased, and when"),
        erased="the user id in it is removed at the end",
        stays="A keyed hash of the user id, so that late messages of the person are dropped for ever.",
    ),
    ItemKind(
        *("erasure_key", _LEDGER, "ERASED / KEY", "programme", "the key of the names of marks"),
        stays="It is random, and no person's.",
    ),
    ItemKind(
        *("erasure_receipt", _LEDGER, "ERASURE#<erasure_id> / RECEIPT", "programme"),
        about="when an erasure was, who asked for it, why, and how much was erased",
        stays="It is the proof of the erasure, and names no person.",
    ),
    # The trees.
    ItemKind(
        *("leaf", _LEDGER, "LEAF#<certificate> / <digits>", "partner", "a statement about a tree"),
        stays="It is a part of the public log, which only grows. It names no person, and has a salted hash of the "
        "dedication. The salt is deleted.",
    ),
    ItemKind(
        *(
            "tree_evidence",
            _LEDGER,
            "EVIDENCE#<evidence> / EVIDENCE",
            "partner",
            "which tree a tag, place or photo is of",
        ),
        stays=_NO_PERSON,
    ),
    ItemKind(*("photo", _LEDGER, "PHOTO#<sha256> / PHOTO", "partner", "that a photo is published"), stays=_NO_PERSON),
    ItemKind(
        *("refused_upload", _LEDGER, "PHOTO#<sha256> / REFUSED", "partner", "why an upload was refused"),
        stays=_NO_PERSON,
    ),
    ItemKind(
        *("order", _LEDGER, "ORDER#<order_id> / ORDER", "partner", "a planting order"),
        stays="It names persons only in its trees (`ordered_tree`).",
    ),
    ItemKind(
        *("progress", _LEDGER, "PROGRESS#<order_id> / PROGRESS", "partner", "how much of an order is planted"),
        stays=_NO_PERSON,
    ),
    ItemKind(
        *("stock", _LEDGER, "PROJECT#<project_id> / STOCK", "programme", "the saplings of a project"), stays=_NO_PERSON
    ),
    # The order of the public log.
    ItemKind(*("log_head", _LEDGER, "LOG / HEAD", "programme", "the tree of the log"), stays=_NO_PERSON),
    ItemKind(*("log_batch", _LEDGER, "LOG / BATCH#<digits>", "programme", "which leaves it has"), stays=_NO_PERSON),
    ItemKind(*("log_counts", _LEDGER, "LOG / PUBLISHED", "programme", "the published counts"), stays=_NO_PERSON),
    # The public totals, and what facilities did.
    ItemKind(
        *("tally_of_day", _LEDGER, "IMPACT#<month>#<digit> / DAY#<day>#<digits>", "programme", "a tally of a day"),
        stays=_SUMS,
    ),
    ItemKind(
        *("corrected_tally_of_day", _LEDGER, "IMPACT#<month> / DAY#<day>", "programme"),
        about="what a recount added to a day",
        stays=_SUMS,
    ),
    ItemKind(
        *("tally_of_run", _LEDGER, "IMPACT#RUN#<run>#<digit> / RUN#<digits>", "programme", "a tally of a run"),
        stays=_SUMS,
    ),
    ItemKind(
        *("corrected_tally_of_run", _LEDGER, "IMPACT#RUN#<run> / RUN", "programme", "what a recount added to a run"),
        stays=_SUMS,
    ),
    ItemKind(
        *("tally_of_facility", _LEDGER, "IMPACT#FACILITIES#<year> / FACILITY#<facility_id>", "facility"),
        about="a tally of a facility",
        stays=_NO_PERSON,
    ),
    ItemKind(
        *("period_of_facility", _LEDGER, "FACILITY#<facility_id> / PAGE#<window>", "facility", "what a facility did"),
        stays=_NO_PERSON,
    ),
    ItemKind(
        *("evidence_of_facility", _LEDGER, "FACILITY#<facility_id> / EVIDENCE#<evidence_id>", "facility"),
        about="which actions of a facility claim an evidence",
        stays=_NO_PERSON,
    ),
    ItemKind(
        *("early_reversal_of_facility", _LEDGER, "FACILITY#<facility_id> / EARLY#<app>", "facility"),
        about="reversals that came before the actions of a facility",
        stays=_NO_PERSON,
    ),
    # Activity of apps.
    ItemKind(
        *("receipt", _ACTIVITY, "RECEIPT#<receipt_id> / <digits>", "app", "what became of the items of a call"),
        stays="It names no person: it has a character for each item. It expires after 30 days.",
    ),
    ItemKind(*("call_limit", _ACTIVITY, "CALLS#<client> / -", "app", "the calls that an app made"), stays=_NO_PERSON),
    ItemKind(
        *("action_limit", _ACTIVITY, "ACTIONS#<client> / <day>", "app", "the actions of an app in a day"),
        stays=_NO_PERSON,
    ),
    # The catalog, the apps and the operators.
    ItemKind(*("entry", _CATALOG, "<kind> / <id>", "programme", "a catalog entry"), stays=_NO_PERSON),
    ItemKind(
        *("entry_version", _CATALOG, "<kind>/<id> / <digits>", "programme", "a version of an entry"), stays=_NO_PERSON
    ),
    ItemKind(*("catalog_head", _CATALOG, "catalog / head", "programme", "the catalog's version"), stays=_NO_PERSON),
    ItemKind(*("guard", _CATALOG, "references / guard", "programme", "a guard of references"), stays=_NO_PERSON),
    ItemKind(*("app", _CATALOG, "apps / <app_id>", "app", "a registered app"), stays=_NO_PERSON),
    ItemKind(*("client", _CATALOG, "clients / <client_id>", "app", "the client of an app"), stays=_NO_PERSON),
    ItemKind(*("overlap", _CATALOG, "overlaps / <path>", "app", "that a secret of an app ends"), stays=_NO_PERSON),
    ItemKind(
        *("leftover", _CATALOG, "leftovers / <path>", "app", "that a client of an app may be left over"),
        stays=_NO_PERSON,
    ),
    ItemKind(*("cognito_client", ("UserPool",), "", "app", "the client of an app, and its secrets"), stays=_NO_PERSON),
    # Objects.
    ItemKind(*("snapshot", _PUBLISHED, "catalog/current", "programme", "the published catalog"), stays=_NO_PERSON),
    ItemKind(*("index", _PUBLISHED, "catalog/index/<sha256>", "programme", "an index of the search"), stays=_NO_PERSON),
    ItemKind(
        *("log_file", _FILES, "log/<path>", "programme", "a file of the public log"),
        stays="Anyone may have a copy. It names no person, and has a salted hash of the dedication.",
    ),
    ItemKind(
        *("photo_file", _FILES, "photos/<sha256>", "partner", "a photo of a tree"),
        stays="It shows a tree. Partners must show no persons who did not agree.",
    ),
    ItemKind(
        *("manifest", ("ManifestBucket",), "orders/<order_id>.<form>", "partner", "the list of the trees of an order"),
        stays="It has certificate numbers and redemption ids, and neither person nor dedication.",
    ),
    ItemKind(
        *("upload", ("UploadBucket",), "uploads/<sha256>/<nonce>", "partner", "a photo that is not hashed yet"),
        stays="It expires within two days.",
    ),
    # Messages, changes, events and lines.
    ItemKind(
        *("action_message", ("ActionQueue", "ActionDeadLetterQueue"), "", "person", "actions and reversals of a call"),
        erased=_DROPPED,
        stays=_14_DAYS,
    ),
    ItemKind(
        *("redemption_message", ("RedemptionQueue", "RedemptionDeadLetterQueue"), "", "person"),
        about="that a redemption is to be settled",
        erased=_DROPPED,
        stays=_14_DAYS,
    ),
    ItemKind(
        *("erasure_message", ("EraseQueue", "EraseDeadLetterQueue"), "", "nobody", "that an erasure is to go on"),
        stays="It has the name of the mark, which is a keyed hash.",
    ),
    ItemKind(
        *("planting_message", ("PlantingQueue", "PlantingDeadLetterQueue"), "", "programme"),
        about="that a project needs an order",
        stays=_NO_PERSON,
    ),
    ItemKind(
        *("photo_message", ("PhotoQueue", "PhotoDeadLetterQueue"), "", "partner", "that a photo was uploaded"),
        stays=_NO_PERSON,
    ),
    ItemKind(
        *("leaf_message", ("LogQueue", "LogDeadLetterQueue"), "", "programme", "that there are leaves"),
        stays=_NO_PERSON,
    ),
    ItemKind(
        *("checkpoint_message", ("CheckpointQueue", "CheckpointDeadLetterQueue"), "", "programme"),
        about="that a checkpoint is published",
        stays=_NO_PERSON,
    ),
    ItemKind(
        *("failed_batch", ("ImpactDeadLetterQueue", "RepeatDeadLetterQueue", "PublicationDeadLetterQueue"), ""),
        *("programme", "which changes of a stream could not be processed"),
        stays="It has their numbers in the stream, and not what changed.",
    ),
    ItemKind(
        *("failed_run", ("ScheduleDeadLetterQueue",), "", "programme", "that a scheduled run failed"),
        stays=_NO_PERSON,
    ),
    ItemKind(
        *("ledger_change", ("LedgerTable.Stream",), "", "person", "an item before and after a change"),
        stays="24 hours. Then DynamoDB deletes it.",
    ),
    ItemKind(
        *("catalog_change", ("CatalogTable.Stream",), "", "programme", "the same, of the catalog"),
        stays=_NO_PERSON,
    ),
    ItemKind(
        *("backup", ("LedgerTable.Backup", "BackupVault"), "", "person"),
        about="the ledger as it was at any second of the last 35 days, and on each of these days if it has backups",
        stays="35 days after the erasure is finished. Nobody can delete a part of a backup.",
    ),
    ItemKind(*("event", ("Bus",), "", "programme", "that an order was placed"), stays=_NO_PERSON),
    ItemKind(
        *("access_line", ("AccessLogGroup",), "", "app", "that an app sent a request, if the API has an access log"),
        stays="It has no id and no address of a person. It expires after 30 days.",
    ),
    ItemKind(
        *("log_line", ("LogGroup",), "", "programme", "what a function did, and how long it took"),
        stays="It has no id of a person, and the reason of an operator. It expires after 30 days.",
    ),
)
"""All kinds. Their names differ, and an item or object is of exactly one of them."""


def _pattern(key: str) -> re.Pattern[str]:
    parts = re.split(r"<(\w+)>", key)
    made = [f"({_PLACES.get(part, '[^#]+')})" if odd % 2 else re.escape(part) for odd, part in enumerate(parts)]
    return re.compile("".join(made))


_PATTERNS: Mapping[str, re.Pattern[str]] = {kind.name: _pattern(kind.key) for kind in ITEM_KINDS}
