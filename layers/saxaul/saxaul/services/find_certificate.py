"""Finds a certificate by its number. It has proofs of all that the published log says about its tree."""

from collections.abc import Sequence
from functools import cache
from typing import NamedTuple
from urllib.parse import urlsplit

from saxaul.catalog.calendar import Calendar
from saxaul.certificate.certificate import Certificate, CertifiedTree, ProvenCount, ProvenLeaf, ShownLog
from saxaul.certificate.from_leaves import PublishedLeaf, certificate_from_leaves, chosen, shown_photo
from saxaul.certificate.site import SitePolygon
from saxaul.log.degrees import degrees
from saxaul.log.leaves import CountLeaf, TreeLeaf, parse
from saxaul.log.particulars import Particulars
from saxaul.observability import logger
from saxaul.problems import NotFound, Unavailable
from saxaul.services import wiring
from saxaul.services.read_log import log_reading
from saxaul.settings import settings
from saxaul.storage.catalog import CatalogStore
from saxaul.storage.leaves import Leaves, StoredLeaf
from saxaul.storage.objects import ObjectError
from saxaul.storage.orders import Orders
from saxaul.storage.published_log import PublishedLog, PublishedTree
from saxaul.storage.redemptions import Redemptions
from saxaul.storage.sequence import SequenceStore
from saxaul.trees.numbers import NumberFault, number_fault, parse_number
from saxaul.trees.orders import OrderedProject, PlantingOrder, shown_project
from saxaul.trees.plantings import PlantedTree
from saxaul.trees.redemptions import Redemption, Seal, Tree
from saxaul.trees.statements import particulars_of
from saxaul.trees.states import UNPAID


class UnknownCertificate(NotFound):
    """There is no certificate with a number. ``fault`` is what is wrong with the number itself; None if nothing is."""

    def __init__(self, fault: NumberFault | None) -> None:
        super().__init__("unknown_certificate", _DETAILS[fault])
        self.fault = fault


_DETAILS = {
    None: "There is no certificate with this number.",
    "form": "There is no certificate with this number: a number has 13 letters and digits, such as 7K3M-9QPD-2FHW-C.",
    "check": "There is no certificate with this number: its last character does not fit the others, so one of its "
    "characters is wrong.",
}


class Certificates(NamedTuple):
    """Finds the certificates of all trees that were reserved and not cancelled.

    ``files_url`` is where the photos are public.
    """

    redemptions: Redemptions
    orders: Orders
    leaves: Leaves
    log: PublishedLog
    sequence: SequenceStore
    catalog_store: CatalogStore
    calendar: Calendar
    files_url: str

    def find(self, typed: str) -> Certificate:
        """Return the certificate with this number. It has no proofs if the published log has nothing about its tree.

        ``typed`` is the number as a person may have typed it, for example in lower case.

        Raises:
            UnknownCertificate: there is no certificate with this number.
            Unavailable: the log cannot be read now. Without it, a tree that died would be shown as it was before. Or
                the dedication was erased a moment ago, and the published log does not say so yet.
        """
        number = parse_number(typed)
        if number is None:
            raise UnknownCertificate(number_fault(typed))
        try:
            # The checkpoint is read first. So each leaf that it covers has its position in the table when that is read.
            published = self.log.newest()
            redemption = self.redemptions.of_certificate(number)
            if redemption is None or redemption.state in UNPAID:
                raise UnknownCertificate(None)
            return self._certificate(redemption, redemption.tree(number), published)
        except ObjectError as error:
            logger.warning("the public log could not be read", extra={"error": repr(error)})
            detail = "The public log cannot be read now, so this certificate cannot be shown with its proofs."
            raise Unavailable("busy", detail) from error

    def _certificate(self, redemption: Redemption, tree: Tree, published: PublishedTree | None) -> Certificate:
        order = self.orders.get(tree.order_id) if tree.order_id else None
        if order and tree.seal:
            stored = self.leaves.of_certificate(tree.number)
            size = published.size if published else 0
            leaves = [_published(leaf) for leaf in stored if leaf.position is not None and leaf.position < size]
            if published and leaves:
                particulars = particulars_of(redemption, tree.seal, order.project)
                _check_erasure_is_published(tree.seal, leaves)
                return self._proven(particulars, leaves, published, order)
            self._check_nothing_is_published(stored)
        project = shown_project(order, self.catalog_store.catalog().tree_projects.get(redemption.project_id))
        return self._unproven(redemption, tree, project)

    def _proven(
        self, particulars: Particulars, leaves: Sequence[PublishedLeaf], published: PublishedTree, order: PlantingOrder
    ) -> Certificate:
        shown = [
            ProvenLeaf(
                leaf=found.leaf,
                photo=shown_photo(found.leaf.photo, self.files_url),
                link=found.link or None,
                proof=self.log.proof(published, found.position),
            )
            for found in chosen(leaves)
        ]
        count = parse(self.log.last_leaf(published))
        if not isinstance(count, CountLeaf):
            raise TypeError("the last leaf of the published log is not a count")
        proven_count = ProvenCount(count, self.log.proof(published, published.size - 1))
        left_out = len(leaves) - len(shown)
        return certificate_from_leaves(particulars, shown, proven_count, left_out, site_of(order.project))

    def _check_nothing_is_published(self, stored: Sequence[StoredLeaf]) -> None:
        """Check that the published log has none of these leaves, although no checkpoint was found that covers them.

        Raises:
            ObjectError: it has one. The checkpoint is lost, or this process may not read it.
        """
        positions = [leaf.position for leaf in stored if leaf.position is not None]
        # The checkpoint is read once more, because the first one may have been published in the meantime.
        if positions and min(positions) < self.sequence.published().size and self.log.newest() is None:
            raise ObjectError("the checkpoint of a log that is published cannot be read")

    def _unproven(self, redemption: Redemption, tree: Tree, project: OrderedProject | None) -> Certificate:
        planting = tree.planting
        return Certificate(
            number=tree.number,
            state=redemption.tree_state(tree),
            project_id=redemption.project_id,
            species=project.species if project else None,
            latin=project.latin if project else None,
            place=project.place if project else None,
            partner=project.partner if project else None,
            dedication=None if tree.seal and tree.seal.salt is None else redemption.dedication,
            requested_at=self.calendar.rfc3339(redemption.requested_at),
            planted_at=self.calendar.rfc3339(planting.planted_at) if planting else None,
            tree=self._certified(planting) if planting else None,
            site=site_of(project) if project else None,
        )

    def _certified(self, planting: PlantedTree) -> CertifiedTree:
        lat, lon = float(degrees(planting.lat)), float(degrees(planting.lon))
        photo = shown_photo(planting.photo, self.files_url)
        return CertifiedTree(planting.tag, lat, lon, photo, planting.photo_url or None)


def _check_erasure_is_published(seal: Seal, leaves: Sequence[PublishedLeaf]) -> None:
    """Check that the published log says of a dedication that is gone that it was erased.

    Raises:
        Unavailable: it does not say so yet. Without that statement, a verifier would refuse the certificate.
    """
    if seal.salt is None and all(published.leaf.event != "dedication_erased" for published in leaves):
        detail = "The dedication was erased a moment ago, and the public log does not say so yet. Ask again."
        raise Unavailable("busy", detail)


def site_of(project: OrderedProject) -> SitePolygon | None:
    """Return the area in which the trees of a project are planted; None if the project has none."""
    if project.reach is None:
        return None
    lat, lon, radius_km, rings = project.reach
    return SitePolygon.within(rings) if rings else SitePolygon.around(lat, lon, radius_km)


def _published(stored: StoredLeaf) -> PublishedLeaf:
    leaf = parse(stored.text)
    if stored.position is None or not isinstance(leaf, TreeLeaf):
        raise TypeError(f"leaf {stored.number} of {stored.certificate} is not about a tree, or has no position")
    return PublishedLeaf(stored.position, leaf, stored.link)


def shown_log() -> ShownLog:
    """Return what the page of a certificate says of the public log.

    Raises:
        KeyUnavailableError: this process does not know the key of the log yet, and KMS did not tell it.
    """
    reading = log_reading()
    published = reading.published()
    counted_at = settings().calendar.rfc3339(published.at) if published.size else None
    return ShownLog(reading.public_log.url, reading.vkey(), published.counts.standing, counted_at)


def photo_host() -> str:
    """Return the scheme and the host from which a page may load photos."""
    address = urlsplit(settings().files_url)
    return f"{address.scheme}://{address.netloc}"


@cache
def certificates() -> Certificates:
    """Return the certificate finder of this process."""
    ledger = wiring.ledger()
    return Certificates(
        redemptions=Redemptions(ledger),
        orders=Orders(ledger),
        leaves=Leaves(ledger),
        log=PublishedLog(settings().files_bucket, wiring.clock()),
        sequence=SequenceStore(ledger),
        catalog_store=wiring.published_catalog(),
        calendar=settings().calendar,
        files_url=settings().files_url,
    )
