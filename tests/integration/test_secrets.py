"""Secrets of apps: operators rotate them with an overlap, and end one that has leaked."""

from typing import Any

import pytest

from tests.builders import make_calendar
from tests.integration.log_lines import Lines
from tests.integration.stack import Response, Stack, call_app, event_of, invoke
from tests.integration.test_apps import register
from tests.memory_cognito import refusal


def rotate(**body: Any) -> Response:  # noqa: ANN401 - an operator may send anything
    return call_app("POST", below="secret", body=body)


def end(secret: str) -> Response:
    return call_app("DELETE", below=f"secrets/{secret}")


def secrets_of(response: Response) -> list[tuple[str, str | None]]:
    return [(secret["secret_id"], secret["ends_at"]) for secret in response.body["secrets"]]


def end_overlaps() -> Any:  # noqa: ANN401 - the result of a function
    return invoke("end_overlaps", event_of("end_overlaps"))


def test_a_rotation_without_a_body_has_an_overlap_of_a_day(stack: Stack) -> None:
    register()

    rotated = call_app("POST", below="secret")

    assert rotated.status == 201
    assert rotated.body["old_ends_at"] == make_calendar().rfc3339(stack.clock.now() + 86_400)


def test_both_secrets_are_valid_during_the_overlap_and_one_after_it(stack: Stack) -> None:
    made = register().body
    client, old = made["client_id"], made["client_secret"]

    rotated = rotate(overlap_seconds=100)

    new = rotated.body["client_secret"]
    assert (rotated.status, rotated.body["client_id"]) == (201, client)
    assert rotated.body["old_ends_at"] == "2026-06-05T12:01:40+08:00"
    assert stack.cognito.values_of(client) == {old, new}
    [(first, ends_at), (second, never)] = secrets_of(call_app("GET"))
    assert (ends_at, second, never) == (rotated.body["old_ends_at"], rotated.body["secret_id"], None)
    stack.clock.instant += 99
    assert end_overlaps() == {"apps": 0, "leftovers": 0}
    assert stack.cognito.values_of(client) == {old, new}
    stack.clock.instant += 1
    assert end_overlaps() == {"apps": 1, "leftovers": 0}
    assert stack.cognito.values_of(client) == {new}
    assert secrets_of(call_app("GET")) == [(second, None)]
    assert first != second
    assert end_overlaps() == {"apps": 0, "leftovers": 0}


def test_an_overlap_is_a_day_unless_it_is_named_and_at_most_a_week(stack: Stack) -> None:
    register()

    assert rotate(overlap_seconds=604_801).code == "invalid_body"
    assert rotate(overlap_seconds=-1).code == "invalid_body"
    assert rotate(overlap_seconds=True).code == "invalid_body"
    assert rotate().body["old_ends_at"] == "2026-06-06T12:00:00+08:00"
    assert len(stack.cognito.clients) == 1


def test_without_an_overlap_the_old_secret_ends_at_once(stack: Stack) -> None:
    client = register().body["client_id"]

    for _ in range(2):
        rotated = rotate(overlap_seconds=0)
        assert rotated.status == 201
        assert stack.cognito.values_of(client) == {rotated.body["client_secret"]}
        assert secrets_of(call_app("GET")) == [(rotated.body["secret_id"], None)]


@pytest.mark.usefixtures("stack")
def test_during_an_overlap_no_other_secret_is_made_and_the_problem_says_until_when() -> None:
    register()
    ends_at = rotate().body["old_ends_at"]

    again = rotate()

    assert (again.status, again.code) == (409, "rotation_in_progress")
    assert ends_at in again.body["detail"]


def test_a_secret_that_has_leaked_is_ended_at_once(stack: Stack) -> None:
    client = register().body["client_id"]
    new = rotate().body
    [(leaked, _), _] = secrets_of(call_app("GET"))

    ended = end(leaked)

    assert (ended.status, secrets_of(ended)) == (200, [(new["secret_id"], None)])
    assert stack.cognito.values_of(client) == {new["client_secret"]}
    assert end(leaked).code == "unknown_secret"
    assert rotate().status == 201


def test_a_new_secret_whose_answer_was_lost_is_ended_and_the_old_one_stays(stack: Stack) -> None:
    made = register().body
    lost = rotate().body["secret_id"]

    ended = end(lost)

    [(_, ends_at)] = secrets_of(ended)
    assert ends_at is None
    assert stack.cognito.values_of(made["client_id"]) == {made["client_secret"]}
    stack.clock.instant += 86_400
    assert end_overlaps() == {"apps": 0, "leftovers": 0}
    assert stack.cognito.values_of(made["client_id"]) == {made["client_secret"]}


def test_the_last_secret_cannot_be_ended(stack: Stack) -> None:
    made = register().body
    [(only, _)] = secrets_of(call_app("GET"))

    assert end(only).code == "last_secret"
    assert end("no-such-secret").code == "unknown_secret"
    assert stack.cognito.values_of(made["client_id"]) == {made["client_secret"]}


def test_a_run_that_fails_for_one_app_ends_the_overlaps_of_the_others_and_fails(stack: Stack, lines: Lines) -> None:
    for app_id in ("a", "b", "c"):
        register(app_id)
        call_app("POST", app_id, "secret", {"overlap_seconds": 10})
    stack.clock.instant += 10
    of_b = stack.cognito.named("b")[0]
    delete = stack.cognito.delete_user_pool_client_secret

    def fail_for_b(**named: str) -> Any:  # noqa: ANN401 - as botocore
        if named["ClientId"] == of_b:
            raise refusal("InternalErrorException")
        return delete(**named)

    stack.cognito.delete_user_pool_client_secret = fail_for_b  # type: ignore[method-assign]
    with pytest.raises(Exception, match="1 of 3 could not be done"):
        end_overlaps()

    assert [len(call_app("GET", app_id).body["secrets"]) for app_id in ("a", "b", "c")] == [1, 2, 1]
    assert '"app":"b"' in "".join(lines.taken())
    stack.cognito.delete_user_pool_client_secret = delete  # type: ignore[method-assign]
    assert end_overlaps() == {"apps": 1, "leftovers": 0}


def test_a_refused_rate_of_calls_gets_503_and_the_next_rotation_need_not_wait(stack: Stack) -> None:
    register()

    def refuse(_: str) -> None:
        raise refusal("TooManyRequestsException")

    before, stack.cognito.before = stack.cognito.before, refuse
    busy = rotate()
    stack.cognito.before = before

    assert (busy.status, busy.code) == (503, "busy")
    assert rotate().status == 201


def test_a_full_user_pool_gets_409_and_nothing_is_registered(stack: Stack) -> None:
    def refuse(_: str) -> None:
        raise refusal("LimitExceededException")

    before, stack.cognito.before = stack.cognito.before, refuse
    full = call_app("PUT", body={"name": "Bikes", "kind": "third_party"})
    stack.cognito.before = before

    assert (full.status, full.code) == (409, "too_many_apps")
    assert call_app("GET").code == "unknown_app"
    assert register().status == 201


def test_no_line_of_the_log_has_a_secret(stack: Stack, lines: Lines) -> None:
    made = register().body
    new = rotate(overlap_seconds=0).body
    end_overlaps()

    written = "".join(lines.taken())
    assert "/apps/{app_id}" in written
    assert made["client_secret"] not in written
    assert new["client_secret"] not in written
    assert stack.cognito.values_of(made["client_id"]) == {new["client_secret"]}
