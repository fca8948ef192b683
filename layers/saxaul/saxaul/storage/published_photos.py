"""Photos in the files bucket, which anyone can read."""

from saxaul.storage.objects import write_object
from saxaul.trees.photos import HashedPhoto, photo_key

_HEADERS = {
    "Cache-Control": "public, max-age=31536000, immutable",
    "Content-Disposition": "inline",
}


class PublishedPhotos:
    """The photos in the files bucket."""

    def __init__(self, bucket: str) -> None:
        self._bucket = bucket

    def put(self, photo: HashedPhoto, body: bytes) -> None:
        """Write a photo, with the media type of its bytes. It is safe to repeat this.

        The signature of the request has the SHA-256 of the body, so S3 stores these bytes or nothing.

        Raises:
            ObjectError: S3 cannot be reached, fails or is slow. The photo may have been written.
        """
        write_object(self._bucket, photo_key(photo.sha256), body, headers={**_HEADERS, "Content-Type": photo.type})
