"""Uploads of photos: forms that let partners send a photo to the private bucket, and what they sent."""

import secrets
from datetime import UTC, datetime
from typing import Any

from botocore.auth import S3SigV4PostAuth
from botocore.awsrequest import AWSRequest

from saxaul.storage.clients import credentials, dynamodb
from saxaul.storage.objects import StoredObject, delete_object, fetch_object, object_address
from saxaul.trees.photos import MAX_PHOTO_BYTES, DeclaredPhoto, UploadForm, upload_key

FORM_SECONDS = 900
"""How many seconds a form is valid. The upload must begin before it expires."""


class Uploads:
    """The bucket of uploads, which nobody can read, and which forgets an upload after a day."""

    def __init__(self, bucket: str) -> None:
        self._bucket = bucket

    def form(self, photo: DeclaredPhoto, now: int) -> UploadForm:
        """Return a form that uploads this photo. It is signed here, and S3 is not asked."""
        key, expires_at = upload_key(photo.sha256, secrets.token_urlsafe(16)), now + FORM_SECONDS
        policy = {
            "expiration": datetime.fromtimestamp(expires_at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "conditions": [
                {"bucket": self._bucket},
                {"key": key},
                {"Content-Type": photo.type},
                ["content-length-range", photo.bytes, photo.bytes],
            ],
        }
        url = object_address(self._bucket, "")
        request: Any = AWSRequest("POST", url)
        request.context["s3-presign-post-fields"] = {"key": key, "Content-Type": photo.type}
        request.context["s3-presign-post-policy"] = policy
        S3SigV4PostAuth(credentials().get_frozen_credentials(), "s3", dynamodb().meta.region_name).add_auth(request)
        return UploadForm(url, request.context["s3-presign-post-fields"], expires_at)

    def get(self, key: str) -> StoredObject | None:
        """Return an upload; None if there is none. At most MAX_PHOTO_BYTES + 1 bytes are read.

        Raises:
            ObjectError: S3 cannot be reached, fails or is slow, or refuses access.
        """
        return fetch_object(self._bucket, key, MAX_PHOTO_BYTES + 1)

    def delete(self, key: str) -> None:
        """Delete an upload. If there is none, change nothing.

        Raises:
            ObjectError: S3 cannot be reached, fails or is slow, or refuses access.
        """
        delete_object(self._bucket, key)
