"""Manages the catalogue: an operator reads and writes one entry at a time."""

from functools import cache
from time import time

from pydantic import TypeAdapter, ValidationError

from saxaul.actions import faults
from saxaul.api import Request, Response, door
from saxaul.catalog import KINDS, MODELS, Entity, Identifier, Kind, TreeProject
from saxaul.problems import Conflict, InvalidRequest, NotFound
from saxaul.settings import settings
from saxaul.storage.catalog import CatalogMovedError, CatalogStore, Edition
from saxaul.storage.stocks import Stocks
from saxaul.storage.table import Table, TransactionRefusedError

_IDENTIFIER: TypeAdapter[str] = TypeAdapter(Identifier)


@cache
def _catalog() -> CatalogStore:
    return CatalogStore(Table(settings().catalog_table))


@cache
def _stocks() -> Stocks:
    return Stocks(Table(settings().ledger_table))


def view_entry(request: Request) -> Response:
    kind, identifier = _path(request)
    edition = _catalog().get(kind, identifier)
    if edition is None:
        raise NotFound("unknown_entry", f"The catalogue has no {identifier!r} among its {kind}.")
    return _answer(identifier, edition)


def write_entry(request: Request) -> Response:
    kind, identifier = _path(request)
    try:
        entity = MODELS[kind].model_validate(request.json())
    except ValidationError as error:
        raise InvalidRequest("invalid_entry", "The entry has faults; none of it was written.", faults(error)) from None
    if any(_catalog().catalogue().broken_references(entity)) and (broken := _broken_as_of_now(entity)):
        raise InvalidRequest("broken_reference", "The entry refers to what is not there.", broken)
    known = _catalog().get(kind, identifier)
    if known and known.entity == entity:
        return _answer(identifier, known)
    read = known.version if known else 0
    releasing = []
    if isinstance(entity, TreeProject):
        releasing.append(_stocks().releasing(identifier, entity, settings().calendar.zone, int(time())))
    try:
        _catalog().put(kind, identifier, entity, read, also=releasing)
    except CatalogMovedError:
        raise Conflict("entry_moved", "Somebody else changed this entry meanwhile; read it again.") from None
    except TransactionRefusedError:
        raise Conflict("saplings_reserved", "More saplings are spoken for than this would release.") from None
    return _answer(identifier, Edition(entity, read + 1))


def _broken_as_of_now(entity: Entity) -> list[str]:
    return list(_catalog().catalogue(max_age=0).broken_references(entity))


def _answer(identifier: str, edition: Edition) -> Response:
    document = edition.entity.model_dump(mode="json", exclude_defaults=True)
    return Response(
        {"id": identifier, "version": edition.version, **document}, headers={"etag": f'"{edition.version}"'}
    )


def _path(request: Request) -> tuple[Kind, str]:
    kind, identifier = request.path["kind"], request.path["id"]
    if kind not in KINDS:
        raise NotFound("unknown_kind", f"The catalogue has {', '.join(KINDS)}; there is no {kind!r}.")
    try:
        return kind, _IDENTIFIER.validate_python(identifier)
    except ValidationError as error:
        raise InvalidRequest("invalid_identifier", "; ".join(faults(error))) from None


handler = door(
    {
        ("GET", "/catalog/{kind}/{id}"): view_entry,
        ("PUT", "/catalog/{kind}/{id}"): write_entry,
    }
)
