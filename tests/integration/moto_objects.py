"""Sends the requests of ``storage.objects`` to the S3 of moto."""

from http import HTTPStatus
from io import BytesIO

import requests
from botocore.awsrequest import AWSPreparedRequest
from urllib3 import HTTPResponse


class Requests:
    """Sends what botocore's session would send with the library that moto replaces."""

    def send(self, request: AWSPreparedRequest) -> requests.Response:
        assert "Signature=" in request.headers["Authorization"]
        response = requests.request(
            request.method, request.url, headers=dict(request.headers), data=request.body, stream=True, timeout=5
        )
        if response.status_code == HTTPStatus.NOT_MODIFIED:
            response.raw = HTTPResponse(BytesIO())  # moto sends a body, which S3 does not
        return response
