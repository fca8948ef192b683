"""Of two secrets of an app, both work for a while, and only the new one afterwards. Nobody does anything for that."""

from typing import Any

from local.client import open_client
from saxaul_client import OperatorClient
from tests.e2e.journeys import token_status
from tests.e2e.long_waits import ENDED, OVERLAP, Rotation


def test_both_secrets_give_tokens_during_the_overlap_and_only_the_new_one_after_it(
    stack: dict[str, Any], rotation: Rotation
) -> None:
    *during, (ended, refused) = rotation.statuses.result(ENDED)

    assert rotation.during == [200, 200]
    assert {status for _, status in during} == {200}
    assert [second for second, _ in during if second < OVERLAP], "it was asked during the overlap"
    assert ended > OVERLAP - 3, "not before the overlap was over"
    assert refused in (400, 401)
    assert token_status(stack, rotation.app, rotation.new.client_secret) == 200
    with open_client(OperatorClient, "operator") as operator:
        [secret] = operator.app(rotation.app.app_id).secrets
        assert secret.secret_id == rotation.new.secret_id
        operator.rotate_secret(rotation.app.app_id, overlap_seconds=0)
