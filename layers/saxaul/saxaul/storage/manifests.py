"""Manifests, the files that list the trees of a planting order, in their S3 bucket; and temporary links to them."""

from saxaul.storage.clients import s3
from saxaul.trees.manifests import FORMATS, Format, Manifest, ManifestLinks, manifest_key

LINK_SECONDS = 900
"""How many seconds a link is valid. Each response about an order has new links."""


class Manifests:
    """The bucket of manifests."""

    def __init__(self, bucket: str) -> None:
        self._bucket = bucket

    def put(self, manifest: Manifest) -> None:
        """Write the files of a manifest. It is safe to repeat this, because the content is the same each time."""
        for form, content in manifest.contents.items():
            s3().put_object(
                Bucket=self._bucket, Key=manifest_key(manifest.order_id, form), Body=content, ContentType=FORMATS[form]
            )

    def links(self, order_id: str, now: int) -> ManifestLinks:
        return ManifestLinks(self._link(order_id, "csv"), self._link(order_id, "json"), now + LINK_SECONDS)

    def _link(self, order_id: str, form: Format) -> str:
        wanted = {"Bucket": self._bucket, "Key": manifest_key(order_id, form)}
        return s3().generate_presigned_url("get_object", Params=wanted, ExpiresIn=LINK_SECONDS)
