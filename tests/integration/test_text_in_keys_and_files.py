"""A text that somebody sent never leads to the item, the message or the file of somebody else."""

import json
import re
from collections import Counter
from contextlib import nullcontext
from itertools import product
from pathlib import Path
from types import SimpleNamespace
from typing import Literal

import pytest

from local import export as local_export
from local import seed
from local.listing import Listed
from saxaul.catalog.entries import KINDS, Identifier, Keyword, Synonyms
from saxaul.catalog.models import ValidationError
from saxaul.ledger.actions import Owner, Reversal
from saxaul.ledger.identifiers import Id, Reason
from saxaul.ledger.periods import PeriodKey
from saxaul.log.leaves import tag_key
from saxaul.messages.bodies import ActionMessage, RedemptionMessage
from saxaul.services.redeem import redemption_id
from saxaul.storage import claims, orders, periods, receipts, redemptions
from saxaul.storage.evidence import evidence_key
from saxaul.storage.table import wallet_key
from saxaul.trees.evidence import TreeEvidence
from saxaul.trees.manifests import manifest_key
from saxaul.trees.reports import Tag
from tests.builders import NOON, USER, action_bodies, make_action, reversal_bodies
from tests.hostile_texts import HOSTILE
from tests.integration.each_text import IDS, IN_CATALOG, SENT, accepts, for_each


def test_no_id_or_name_can_contain_what_separates_the_parts_of_a_key() -> None:
    every = [chr(number) for number in range(0x300)]

    assert not {character for character in every if accepts(Id, f"a{character}a")} & set("#/ \n\t|,%?\\\"'")
    assert not {character for character in every if accepts(Identifier, f"a{character}a")} & set(":#/ \n.~@+=")
    assert not accepts(Id, "a\n")
    assert not accepts(Identifier, "a\n")


def test_different_items_never_have_the_same_key() -> None:
    owners = [Owner(kind, text) for kind in ("user", "facility") for text in {*IDS, "u-42"}]
    found: list[tuple[str, str]] = []
    for owner in owners:
        found += [periods.period_key(PeriodKey(owner, window)) for window in ("2026", "2026-06", "2026-06-05")]
        found += [claims._evidence_key(owner, text) for text in IDS]  # noqa: SLF001 - the key itself is the subject
        found += [claims._early_key(owner, app) for app in ("alipay", "taobao")]  # noqa: SLF001
        if owner.kind == "user":
            found += [redemptions.redemption_key(owner.id, text) for text in IDS]
            found.append(wallet_key(owner.id))
    found += [key(text) for key in (orders.order_key, orders.progress_key) for text in IDS]
    found += [redemptions.certificate_key(text) for text in IDS]
    found += [receipts.receipt_key(text, part) for text in IDS for part in (0, 10, 499)]

    assert [key for key, number in Counter(found).items() if number > 1] == []


def test_the_entry_of_an_app_never_has_the_name_of_another_apps_entry() -> None:
    apps = [text for text in {"alipay", "taobao", *SENT} if accepts(Identifier, text)]
    names = [f"{app}:{action_id}" for app in apps for action_id in IDS]

    assert len(set(names)) == len(names)
    assert all(name.partition(":")[0] in apps for name in names)
    assert not any("/" in name for name in names)  # the name of a sum has slashes


def test_different_redemption_requests_never_have_the_same_id() -> None:
    users = sorted({*IDS, "u-42"})
    keys = {text for text in SENT if len(text) <= 128}

    erasures = ("", "0" * 32)
    requests = product(("alipay", "tmall"), users, keys, erasures)
    found = Counter(redemption_id(*request) for request in requests)

    assert set(found.values()) == {1}


_KINDS: tuple[Literal["tag", "photo"], ...] = ("tag", "photo")


def test_a_tag_leads_to_the_item_of_the_same_tag_alone() -> None:
    tags = sorted({text for text in SENT if accepts(Tag, text)} | {"AX-7", "AX-8", "photo#AX-7", "#AX-7", "\ufdfa" * 7})
    evidence = {TreeEvidence(kind, tag_key(tag)) for tag in tags for kind in _KINDS}
    keys = {evidence_key(each) for each in evidence}

    assert len(tags) > 10
    assert len(keys) == len(evidence)
    assert max(len(key.pk.encode()) for key in keys) <= 2048  # the most of DynamoDB
    assert not accepts(Tag, "\ufdfa" * 64)  # what the folding makes longest, 18 characters of each


def test_a_list_of_the_index_belongs_to_one_project_or_partner() -> None:
    lists = orders._LISTS.values()  # noqa: SLF001 - the names are the subject
    names = [name + text for name in lists for text in IN_CATALOG.values()]
    projects = [text for text in {"saxaul-alxa", *SENT} if accepts(Identifier, text)]
    names += [make(project) for project in projects for make in (orders._unannounced_list, redemptions._waiting_list)]  # noqa: SLF001

    assert len(set(names)) == len(names)
    assert max(len(name.encode()) for name in names) <= 2048


def test_a_queue_message_has_exactly_the_ids_that_were_reported() -> None:
    reported = [make_action(text, owner=Owner("user", text)) for text in IDS]
    bodies = action_bodies("alipay", NOON, reported, "")

    found = [action for body in bodies for action in ActionMessage.model_validate_json(body).unpacked()]

    assert sorted(found) == sorted(reported)
    assert all(body.isascii() and body.isprintable() for body in bodies)


@for_each(HOSTILE)
def test_the_reason_of_a_reversal_stays_one_text_in_its_message(text: str) -> None:
    if not accepts(Reason, text):
        return
    (body,) = reversal_bodies("alipay", NOON, [Reversal("alipay", USER, "ride-1", text, NOON)])

    (reversal,) = ActionMessage.model_validate_json(body).unpacked_reversals()
    assert reversal.reason == text


def test_a_message_group_and_a_file_name_have_only_characters_that_need_no_escaping() -> None:
    allowed = re.compile(r"[a-z0-9_-]{1,64}")

    assert all(allowed.fullmatch(text) for text in SENT if accepts(Identifier, text))
    assert not [text for text in SENT if accepts(Identifier, text) and manifest_key(text, "csv").count("/") > 1]
    with pytest.raises(ValidationError):
        RedemptionMessage(project_id="../x", user_id="u", redemption_id="r")


def test_an_exported_catalog_is_read_back_with_the_same_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    words = {name: text for name, text in HOSTILE.items() if accepts(Keyword, text)}
    entries = {name: Synonyms(words=(text, "bus")) for name, text in words.items()}
    listed = {
        "synonyms": [
            Listed("synonyms", name, entry.model_dump(mode="json"), 1, None, "") for name, entry in entries.items()
        ]
    }
    operator = SimpleNamespace(apps=list)
    monkeypatch.setattr(local_export, "open_client", lambda *_: nullcontext(operator))
    monkeypatch.setattr(local_export, "entries_of", lambda _, kind: listed.get(kind, []))

    local_export.export(tmp_path)

    assert {path.name for path in tmp_path.iterdir()} == {f"{kind}.yaml" for kind in (*KINDS, "apps")}
    assert seed.load(tmp_path)["synonyms"] == entries


@pytest.mark.parametrize("identifier", ["../users/u-42", "a/versions", "a?b", "..", "A"])
def test_a_catalog_file_cannot_name_an_entry_that_leads_to_another_path(tmp_path: Path, identifier: str) -> None:
    for kind in KINDS:
        documents = {identifier: {"words": ["bus", "coach"]}} if kind == "synonyms" else {}
        (tmp_path / f"{kind}.yaml").write_text(json.dumps(documents) if documents else "{}")

    with pytest.raises(ValueError, match="synonyms/"):
        seed.load(tmp_path)
