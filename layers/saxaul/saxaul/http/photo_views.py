"""Views of the photos that partners upload."""

from collections.abc import Sequence
from typing import Annotated, TypedDict

from saxaul.catalog.calendar import Calendar
from saxaul.http.views import Link, Timestamp, known
from saxaul.trees.photos import OfferedUpload


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


class OfferedPhotoView(TypedDict):
    """Whether a photo is hashed, and if not, how it is uploaded."""

    sha256: str
    """The SHA-256 of the photo, as it was sent."""
    state: Annotated[str, known("hashed", "awaited")]
    """`hashed` if Saxaul has hashed and published the photo, so that reports may name it; `awaited` until then."""
    upload: UploadView | None
    """The form that uploads the photo; null if it is hashed. Each response has a new form."""


class OfferedPhotosView(TypedDict):
    """The photos of a request."""

    photos: list[OfferedPhotoView]
    """The photos, in the order of the request."""


def photos_view(offered: Sequence[OfferedUpload], calendar: Calendar) -> OfferedPhotosView:
    """Return the view of offered uploads."""
    return {"photos": [_photo_view(photo, calendar) for photo in offered]}


def _photo_view(photo: OfferedUpload, calendar: Calendar) -> OfferedPhotoView:
    form = photo.form
    if form is None:
        return {"sha256": photo.sha256, "state": "hashed", "upload": None}
    expires_at = calendar.rfc3339(form.expires_at)
    upload: UploadView = {"url": form.url, "fields": dict(form.fields), "expires_at": expires_at}
    return {"sha256": photo.sha256, "state": "awaited", "upload": upload}
