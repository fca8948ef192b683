"""Sends the requests of ``storage.objects`` to the S3 of moto."""

from http import HTTPStatus
from io import BytesIO
from urllib.parse import urlsplit

import requests
from botocore.awsrequest import AWSPreparedRequest
from urllib3 import HTTPResponse

from tests.integration.policies import CALLS, access_to_object


class Requests:
    """Sends what botocore's session would send with the library that moto replaces."""

    def send(self, request: AWSPreparedRequest) -> requests.Response:
        assert "Signature=" in request.headers["Authorization"]
        address = urlsplit(str(request.url))
        operation, bucket = f"{str(request.method).capitalize()}Object", str(address.hostname).partition(".")[0]
        CALLS.check([access_to_object(operation, bucket, address.path.removeprefix("/"))])
        response = requests.request(
            request.method, request.url, headers=dict(request.headers), data=request.body, stream=True, timeout=5
        )
        if response.status_code == HTTPStatus.NOT_MODIFIED:
            response.raw = HTTPResponse(BytesIO())  # moto sends a body, which S3 does not
        return response
