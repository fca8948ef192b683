"""Calls the API of Saxaul.

with AppClient(api_url, token_url, client_id, client_secret) as app:
    reported = app.report_actions(actions)
    wallet = app.wallet("mei")
"""

from saxaul_client.app import AppClient
from saxaul_client.client import Client, items_of
from saxaul_client.clock import Clock
from saxaul_client.errors import AnswerError, IncompleteError, Problem, SaxaulError, TokenError, UnreachableError
from saxaul_client.models import (
    Action,
    Cap,
    CatalogEntry,
    Certificate,
    CertificateLinks,
    ForestTree,
    Grant,
    Harvest,
    JsonObject,
    LedgerLine,
    Life,
    LogPage,
    ManifestLinks,
    NextTree,
    Order,
    OrderedTree,
    OrderSummary,
    Page,
    PlantedTree,
    Redemption,
    Refusal,
    Release,
    Reported,
    Reversal,
    Site,
    Statement,
    Step,
    Suggestion,
    Suggestions,
    Total,
    TreeProject,
    Wallet,
)
from saxaul_client.operator import OperatorClient
from saxaul_client.partner import PartnerClient
from saxaul_client.retries import Retries

__all__ = [
    "Action",
    "AnswerError",
    "AppClient",
    "Cap",
    "CatalogEntry",
    "Certificate",
    "CertificateLinks",
    "Client",
    "Clock",
    "ForestTree",
    "Grant",
    "Harvest",
    "IncompleteError",
    "JsonObject",
    "LedgerLine",
    "Life",
    "LogPage",
    "ManifestLinks",
    "NextTree",
    "OperatorClient",
    "Order",
    "OrderSummary",
    "OrderedTree",
    "Page",
    "PartnerClient",
    "PlantedTree",
    "Problem",
    "Redemption",
    "Refusal",
    "Release",
    "Reported",
    "Retries",
    "Reversal",
    "SaxaulError",
    "Site",
    "Statement",
    "Step",
    "Suggestion",
    "Suggestions",
    "TokenError",
    "Total",
    "TreeProject",
    "UnreachableError",
    "Wallet",
    "items_of",
]
