"""Requests to erase a person: who may send them, what a repeated or racing one does, and what the receipt says."""

import json
from typing import Any

import pytest

from operations.erased_since import OtherKeyError, copy_marks, erased_since
from operations.ledger_reading import scan
from saxaul.people.erasures import ErasureMark
from saxaul.services import request_erasure
from saxaul.settings import settings
from saxaul.storage.erasures import Erasures
from saxaul.storage.table import Key, Table, TransactionRefusedError
from tests.builders import NOON, USER
from tests.integration.log_lines import Lines
from tests.integration.stack import Response, Stack, an_app, call
from tests.integration.whole_life import erase

PERSON = {"user_id": USER.id}
DAY = 86_400


def send(method: str, client: str = "operator-client", reason: str | None = "ticket 4711", **sent: Any) -> Response:  # noqa: ANN401 - see call()
    query = {"reason": reason} if reason and client == "operator-client" else {}
    return call("manage_persons", method, "/users/{user_id}", client=client, path=PERSON, query=query, **sent)


def receipt(erasure_id: str, client: str = "operator-client") -> Response:
    return call("manage_persons", "GET", "/erasures/{erasure_id}", client=client, path={"erasure_id": erasure_id})


def export() -> Response:
    reason = {"reason": "ticket 4711"}
    return call("manage_persons", "GET", "/users/{user_id}/export", client="operator-client", path=PERSON, query=reason)


def messages(stack: Stack) -> list[Any]:
    return [json.loads(body) for body in stack.receive_all(settings().erase_queue_url)]


def finish(stack: Stack) -> None:
    """Finish the erasure of the person, as its worker does."""
    erasures = Erasures(stack.ledger)
    mark = erasures.find(USER.id)
    assert mark
    erasures.finish(mark, stack.clock.now())


def test_the_request_is_answered_in_a_later_second_so_that_what_follows_is_of_a_new_person(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits = list[float]()
    monkeypatch.setattr(stack.clock, "now_ns", lambda: NOON * 1_000_000_000 + 250_000_000)
    monkeypatch.setattr(stack.clock, "sleep", waits.append)

    assert send("DELETE").status == 202
    assert waits == [0.75]


def test_there_is_no_export_while_the_person_is_erased(stack: Stack) -> None:
    send("DELETE")
    refused = export()
    assert (refused.status, refused.code) == (409, "erasure_in_progress")

    finish(stack)
    assert export().status == 200


def test_an_operator_requests_an_erasure_and_follows_it_with_two_addresses(stack: Stack) -> None:
    accepted = send("DELETE")
    erasure_id = accepted.body["erasure_id"]

    assert (accepted.status, accepted.headers["location"].rpartition("/v1")[2]) == (202, f"/users/{USER.id}")
    assert accepted.body == {
        "erasure_id": erasure_id,
        "state": "erasing",
        "requested_at": "2026-06-05T12:00:00+08:00",
        "requested_by": "operator",
        "reason": "ticket 4711",
        "erased": {},
        "finished_at": None,
        "last_trace_at": None,
    }
    assert send("GET").body == receipt(erasure_id).body == accepted.body
    assert messages(stack) == [{"name": Erasures(stack.ledger).name_of(USER.id)}]


def test_a_finished_erasure_says_when_the_last_trace_is_gone(stack: Stack) -> None:
    accepted = send("DELETE").body
    stack.clock.instant += 90
    finish(stack)

    shown = receipt(accepted["erasure_id"]).body
    assert (shown["state"], shown["finished_at"]) == ("erased", "2026-06-05T12:01:30+08:00")
    assert shown["last_trace_at"] == "2026-07-10T12:01:30+08:00"
    assert send("GET").body == shown


def test_a_repeated_request_changes_nothing_and_tells_the_worker_again(stack: Stack) -> None:
    first = send("DELETE").body
    stack.clock.instant += 5

    assert send("DELETE", reason="another ticket").body == first
    assert len(messages(stack)) == 2
    assert len([item for item in scan(stack.ledger) if item["sk"] == "RECEIPT"]) == 1


def test_a_request_after_the_end_begins_another_erasure(stack: Stack) -> None:
    first = send("DELETE").body
    finish(stack)
    stack.clock.instant += 5
    second = send("DELETE").body

    assert second["erasure_id"] != first["erasure_id"]
    assert send("GET").body == second
    assert receipt(first["erasure_id"]).body["state"] == "erased"


def test_of_two_requests_at_once_one_begins_and_both_answer_its_erasure(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin, answers = Erasures.begin, list[Any]()

    def begin_after_another(erasures: Erasures, *new: Any) -> None:  # noqa: ANN401 - passed on
        monkeypatch.setattr(Erasures, "begin", begin)
        answers.append(send("DELETE", "alipay-client").body)
        with pytest.raises(TransactionRefusedError):
            begin(erasures, *new)
        raise TransactionRefusedError(["ConditionalCheckFailed"])

    monkeypatch.setattr(Erasures, "begin", begin_after_another)
    answers.append(send("DELETE").body)

    assert answers[0] == answers[1]
    assert answers[0]["requested_by"] == "alipay"
    assert len([item for item in scan(stack.ledger) if item["sk"] == "RECEIPT"]) == 1


def test_a_request_that_failed_before_it_told_the_worker_is_completed_by_the_next_one(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as failing:
        failing.setattr(request_erasure, "send_erasure", lambda *_: 1 / 0)
        assert send("DELETE").code == "internal_error"
    assert messages(stack) == []

    assert send("DELETE").status == 202
    assert len(messages(stack)) == 1


def test_an_app_gives_no_reason_and_the_username_of_its_token_is_nowhere(stack: Stack) -> None:
    accepted = send("DELETE", "alipay-client", person=USER.id)

    assert (accepted.status, accepted.body["requested_by"], accepted.body["reason"]) == (202, "alipay", None)
    [item] = [item for item in scan(stack.ledger) if item["sk"] == "RECEIPT"]
    assert USER.id not in str(item)


def test_an_operator_must_say_why_and_must_not_name_the_person(stack: Stack) -> None:
    assert send("DELETE", reason=None).code == "reason_required"
    assert send("DELETE", reason=f"{USER.id} asked").code == "invalid_parameter"
    assert Erasures(stack.ledger).find(USER.id) is None


def test_only_first_party_apps_that_are_registered_for_it_erase_and_only_operators_read_receipts(stack: Stack) -> None:
    limited = an_app("didi").model_copy(update={"scopes": ("wallets.read", "grants.write")})
    stack.register("didi-client", limited)

    assert send("DELETE", "third-party-client").code == "not_first_party"
    assert send("DELETE", "didi-client").code == "forbidden"
    assert send("DELETE", "partner-client").code == "not_an_app"
    assert send("DELETE", "alipay-client", scopes="saxaul/wallets.read saxaul/grants.write").code == "forbidden"
    assert receipt("0" * 32, client="alipay-client").code == "not_an_operator"
    assert Erasures(stack.ledger).find(USER.id) is None


def test_a_person_without_an_erasure_and_an_unknown_erasure_are_not_found(stack: Stack) -> None:
    assert stack
    assert send("GET").code == "no_erasure"
    assert receipt("0" * 32).code == "unknown_erasure"


def test_no_line_of_the_log_has_the_id_of_the_person(stack: Stack, lines: Lines) -> None:
    assert stack
    send("DELETE")
    send("GET")
    call("manage_persons", "GET", "/users/{user_id}/export", path=PERSON)

    written = lines.taken()
    assert [json.loads(line).get("reason") for line in written] == ["ticket 4711", "ticket 4711", None]
    assert USER.id not in "".join(written)


def test_a_mark_without_its_receipt_is_an_error_on_our_side(stack: Stack) -> None:
    erasures = Erasures(stack.ledger)
    mark = ErasureMark(erasures.name_of(USER.id), "lost", NOON, USER.id)
    Table("Ledger", stack.clock).put(
        {"pk": f"ERASED#{mark.name}", "sk": "ERASURE", "erasure_id": "lost", "requested_at": NOON, "user_id": USER.id},
        0,
    )

    assert send("GET").code == "internal_error"


def test_a_restored_table_has_the_persons_to_erase_again(stack: Stack) -> None:
    """The table of the catalog stands for the one that was restored: it is empty of persons."""
    restored = Table("Catalog", stack.clock)
    assert list(erased_since(restored, stack.ledger, NOON)) == []
    for number in range(120):
        restored.replace({"pk": f"USER#p-{number}", "sk": "WALLET"})
        restored.replace({"pk": f"USER#p-{number}", "sk": "GRANT#citybike"})
    send("DELETE")
    for person, at in (("p-7", NOON - 1), ("p-8", NOON), ("p-119", NOON + 60), ("gone", NOON + 60)):
        stack.clock.instant = at
        erase(person)

    assert sorted(erased_since(restored, stack.ledger, NOON)) == ["p-119", "p-8"]


def test_a_restored_table_gets_the_marks_of_finished_erasures_once_and_keeps_its_own(stack: Stack) -> None:
    restored = Table("Catalog", stack.clock)
    assert copy_marks(restored, stack.ledger) == 0
    erasures = Erasures(stack.ledger)
    send("DELETE")  # this erasure is not finished
    for person in ("p-1", "p-2", "p-3"):
        erase(person)
        mark = erasures.find(person)
        assert mark
        erasures.finish(mark, NOON)
    own = {"pk": f"ERASED#{erasures.name_of('p-3')}", "sk": "ERASURE", "user_id": "p-3"}
    restored.replace(own)

    assert [copy_marks(restored, stack.ledger) for _ in range(2)] == [2, 0]
    marks = Erasures(restored)
    copied = marks.find_many(["p-1", "p-2", USER.id])
    assert {person: mark.finished_at for person, mark in copied.items()} == {"p-1": NOON, "p-2": NOON}
    assert restored.get(Key(own["pk"], own["sk"])) == own


def test_marks_are_not_copied_to_a_table_with_another_key(stack: Stack) -> None:
    erase("p-1")
    restored = Table("Catalog", stack.clock)
    restored.replace({"pk": "ERASED", "sk": "KEY", "key": b"another"})

    with pytest.raises(OtherKeyError):
        copy_marks(restored, stack.ledger)
