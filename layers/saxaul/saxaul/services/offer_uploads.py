"""Offers partners a form for each photo that is not hashed yet."""

from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

from saxaul.clock import Clock
from saxaul.services import wiring
from saxaul.settings import settings
from saxaul.storage.photos import Photos
from saxaul.storage.uploads import Uploads
from saxaul.trees.photos import DeclaredPhoto, OfferedUpload


class UploadOffering(NamedTuple):
    """Offers uploads."""

    photos: Photos
    uploads: Uploads
    clock: Clock

    def offer(self, declared: Sequence[DeclaredPhoto]) -> list[OfferedUpload]:
        """Return for each photo the form that uploads it. A photo that is hashed already needs none.

        A form is offered after a refused upload too: the next one may be the declared photo.
        """
        now, known = self.clock.now(), self.photos.known(photo.sha256 for photo in declared)
        missing = {photo.sha256: photo for photo in declared if photo.sha256 not in known}
        refused = self.photos.refused(missing)
        return [
            OfferedUpload(photo.sha256, self.uploads.form(photo, now), refused.get(photo.sha256))
            if photo.sha256 in missing
            else OfferedUpload(photo.sha256, None)
            for photo in declared
        ]


@cache
def upload_offering() -> UploadOffering:
    """Return the upload offering service of this process."""
    return UploadOffering(Photos(wiring.ledger()), Uploads(settings().upload_bucket), wiring.clock())
