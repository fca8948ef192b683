"""Views of the photos that partners upload."""

from collections.abc import Sequence
from typing import Annotated, TypedDict, get_args

from saxaul.catalog.calendar import Calendar
from saxaul.http.views import Link, Timestamp, known
from saxaul.trees.photos import OfferedUpload, RefusalCode


class UploadView(TypedDict):
    """A form that uploads one photo: a `POST` of `multipart/form-data`, which needs no token.

    S3 refuses a file with another size or type than declared.
    """

    url: Link
    """Where the form is sent."""
    fields: dict[str, str]
    """The fields of the form. The last field, after these, is `file` with the photo."""
    expires_at: Timestamp
    """Until when the upload may begin: 15 minutes after the answer."""


class RefusedUploadView(TypedDict):
    """An upload that was refused and deleted, because it was not the declared photo."""

    key: str
    """Which upload it was: the field `key` of its form."""
    code: Annotated[str, known(*get_args(RefusalCode))]
    """Why: `other_bytes` have another SHA-256, `not_a_photo` is no JPEG, PNG or WebP picture, `other_type` is another
    one of these types than declared, and `too_large` has more than 15,000,000 bytes.
    """
    refused_at: Timestamp
    """When it was refused."""


class OfferedPhotoView(TypedDict):
    """Whether a photo is hashed, and if not, how it is uploaded."""

    sha256: str
    """The SHA-256 of the photo, as it was sent."""
    state: Annotated[str, known("hashed", "awaited", "refused")]
    """`hashed` if Saxaul has hashed and published the photo, so that reports may name it. Until then, `awaited`; or
    `refused` if the last upload that was examined was another file.
    """
    upload: UploadView | None
    """The form that uploads the photo; null if it is hashed. Each response has a new form."""
    refused: RefusedUploadView | None
    """The last refused upload; null if there is none, or the photo is hashed. It may be older than the newest form."""


class OfferedPhotosView(TypedDict):
    """The photos of a request."""

    photos: list[OfferedPhotoView]
    """The photos, in the order of the request."""


def photos_view(offered: Sequence[OfferedUpload], calendar: Calendar) -> OfferedPhotosView:
    """Return the view of offered uploads."""
    return {"photos": [_photo_view(photo, calendar) for photo in offered]}


def _photo_view(photo: OfferedUpload, calendar: Calendar) -> OfferedPhotoView:
    form, found = photo.form, photo.refused
    if form is None:
        return {"sha256": photo.sha256, "state": "hashed", "upload": None, "refused": None}
    expires_at = calendar.rfc3339(form.expires_at)
    upload: UploadView = {"url": form.url, "fields": dict(form.fields), "expires_at": expires_at}
    if found is None:
        return {"sha256": photo.sha256, "state": "awaited", "upload": upload, "refused": None}
    refused: RefusedUploadView = {
        "key": found.key,
        "code": found.code,
        "refused_at": calendar.rfc3339(found.refused_at),
    }
    return {"sha256": photo.sha256, "state": "refused", "upload": upload, "refused": refused}
