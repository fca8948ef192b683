"""Makes moto answer sooner, and say the same. Four fifths of the time of the integration tests pass inside of moto.

``test_quick_moto.py`` compares its answers with those of moto as it is.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import pytest
from botocore.signers import RequestSigner
from botocore.useragent import UserAgentString
from moto.core import responses
from moto.core.serialize import BaseJSONSerializer

_slow_structure = BaseJSONSerializer._serialize_type_structure  # noqa: SLF001 - what is replaced
_slow_sign = RequestSigner.sign
_method_names = cache(responses.method_names_from_class)


@contextmanager
def quick() -> Iterator[None]:
    """Let moto answer sooner for as long as the context lasts."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(BaseJSONSerializer, "_serialize_type_structure", _structure)
        patch.setattr(RequestSigner, "sign", _sign)
        patch.setattr(UserAgentString, "to_string", lambda _: "tests")
        patch.setattr(responses, "method_names_from_class", _method_names)
        yield


def _structure(self: Any, serialized: Any, value: Any, shape: Any, key: str) -> None:  # noqa: ANN401 - members of moto
    """Serialize only the member of an attribute that it has. moto looks for each type, and under several names."""
    if shape.name != "AttributeValue" or type(value) is not dict:
        _slow_structure(self, serialized, value, shape, key)
        return
    found: dict[str, Any] = {}
    for name in value:
        self._serialize(found, value[name], shape.members[name], name)
    self._default_serialize(serialized, found, shape, key)


def _sign(self: Any, operation_name: str, request: Any, *others: Any, **more: Any) -> None:  # noqa: ANN401 - members of botocore
    """Name the service and the region, as a signature does, and sign nothing: moto checks no signature."""
    if others or more:  # a link is signed in its address
        _slow_sign(self, operation_name, request, *others, **more)
        return
    scope = f"testing/20260605/{self._region_name}/{self._signing_name}/aws4_request"
    request.headers["Authorization"] = f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0"
