"""Hashes uploaded photos and publishes them. What is not the declared photo is deleted, and its refusal is noted.

The photo is published first, then its item or its refusal is written, and at last the upload is deleted. If a worker
stops in between, the queue delivers the message again, and everything is done once more with the same result. So a
photo that has an item is published.
"""

from functools import cache
from typing import Literal, NamedTuple

from saxaul.clock import Clock
from saxaul.services import wiring
from saxaul.settings import settings
from saxaul.storage.photos import Photos
from saxaul.storage.published_photos import PublishedPhotos
from saxaul.storage.uploads import Uploads
from saxaul.trees.photos import HashedPhoto, RefusedUpload, declared_in, examined

Hashed = HashedPhoto | RefusedUpload | Literal["gone"]
"""The photo of an upload, or why it has none. It is gone if it was hashed before, or expired."""


class PhotoHashing(NamedTuple):
    """Hashes and publishes uploads."""

    uploads: Uploads
    published: PublishedPhotos
    photos: Photos
    clock: Clock

    def hash(self, key: str) -> Hashed:
        """Hash an upload, and publish it if it is the declared photo. Delete the upload in any case.

        Raises:
            ValueError: this is not the key of an upload.
        """
        declared = declared_in(key)
        upload = self.uploads.get(key)
        if upload is None:
            return "gone"
        now = self.clock.now()
        found = examined(upload.body, upload.media_type, declared, now)
        if isinstance(found, HashedPhoto):
            self.published.put(found, upload.body)
            self.photos.put(found)
            self.uploads.delete(key)
            return found
        refused = RefusedUpload(key, found, now)
        self.photos.put_refused(declared, refused)
        self.uploads.delete(key)
        return refused


@cache
def photo_hashing() -> PhotoHashing:
    """Return the photo hashing service of this process."""
    return PhotoHashing(
        uploads=Uploads(settings().upload_bucket),
        published=PublishedPhotos(settings().files_bucket),
        photos=Photos(wiring.ledger()),
        clock=wiring.clock(),
    )
