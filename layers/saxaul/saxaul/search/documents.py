"""Documents: what the search can find. Each is one entry of the catalog, in the one form that the index reads."""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Literal, NamedTuple

from saxaul.catalog.entries import Campaign, Catalog, Initiative, Language, Suggestion, Text, TreeProject
from saxaul.search.dates import dates_of

DocumentKind = Literal["action", "tree_project", "campaign", "initiative"]

Findable = Suggestion | TreeProject | Campaign | Initiative

TREE_PROJECTS, CAMPAIGNS, INITIATIVES = "kind:tree_project", "kind:campaign", "kind:initiative"
"""The subjects and categories of documents that are not actions."""

_TREE_WORDS = ("plant a tree", "tree planting", "种树", "植树")
"""Keywords of every tree project, whatever its entry says."""

CAMPAIGN, KIND, THEME = "campaign", "kind", "theme"
"""The sources of related words that are words of the document's campaign, of its kind, or themes of a campaign, as a
search response names them."""

_KIND_WORDS: Mapping[DocumentKind, tuple[str, ...]] = {
    "campaign": ("campaign", "活动"),
    "initiative": ("initiative", "企业行动"),
}
"""Related words of every document of a kind."""


class Document(NamedTuple):
    """An entry that the search can find.

    Attributes:
        kind: what the entry is, for a person.
        identifier: the id of the entry. Only documents of different kinds may have the same id.
        titles, texts: what a result shows, in both languages.
        keywords: words that find the document: those of the operator, and those of the kind.
        related: further words that find it, each with its source, as a search response names it.
        subject: what it is about: the action type of an action, or else the kind with a colon, which no id has.
            Results of different subjects are mixed.
        category: a set of subjects: the category of the action type or, if it has none, its id. Tree projects,
            campaigns and initiatives are each a category and a subject of their own.
        campaign: the campaign to which it belongs; a campaign belongs to itself. None if there is none.
        links: the apps that can show it; None if every app can.
        done_in: the apps in which people do it.
        featured: whether it comes before others of its subject.
        points, avoided_g: of one unit of the action, without campaigns. Zero for other kinds.
        price_points: the price of a tree; zero for other kinds.
        entry: the entry itself.
    """

    kind: DocumentKind
    identifier: str
    titles: Text
    texts: Text
    keywords: tuple[str, ...]
    related: tuple[tuple[str, str], ...]
    subject: str
    category: str
    entry: Findable
    campaign: str | None = None
    links: frozenset[str] | None = None
    done_in: frozenset[str] = frozenset()
    featured: bool = False
    points: Decimal = Decimal(0)
    avoided_g: Decimal = Decimal(0)
    price_points: int = 0

    def texts_first_in(self, language: Language) -> tuple[str, str]:
        return _in_order(self.texts, language)

    def titles_first_in(self, language: Language) -> tuple[str, str]:
        return _in_order(self.titles, language)


def _in_order(text: Text, language: Language) -> tuple[str, str]:
    return (text.en, text.zh) if language == "en" else (text.zh, text.en)


def documents_of(catalog: Catalog) -> Iterator[Document]:
    """Yield the documents of a catalog in which no entry refers to a missing one.

    A closed tree project is not a document, because nobody can plant its trees.
    """
    open_projects = (identifier for identifier, project in catalog.tree_projects.items() if not project.closed)
    yield from (document_of("action", identifier, catalog) for identifier in catalog.suggestions)
    yield from (document_of("tree_project", identifier, catalog) for identifier in open_projects)
    yield from (document_of("campaign", identifier, catalog) for identifier in catalog.campaigns)
    yield from (document_of("initiative", identifier, catalog) for identifier in catalog.initiatives)


def document_of(kind: DocumentKind, identifier: str, catalog: Catalog) -> Document:
    """Return one document of a catalog."""
    match kind:
        case "action":
            return _of_suggestion(identifier, catalog.suggestions[identifier], catalog)
        case "tree_project":
            return _of_tree_project(identifier, catalog.tree_projects[identifier])
        case "campaign":
            return _of_campaign(identifier, catalog.campaigns[identifier])
        case "initiative":
            return _of_initiative(identifier, catalog.initiatives[identifier], catalog)


def _of_suggestion(identifier: str, suggestion: Suggestion, catalog: Catalog) -> Document:
    action_type = catalog.action_types[suggestion.action_type]
    related = [*_words("action_type", action_type.names)]
    if campaign := catalog.campaigns.get(suggestion.campaign or ""):
        related += [*_words(CAMPAIGN, campaign.names), *((CAMPAIGN, word) for word in campaign.keywords)]
    return Document(
        kind="action",
        identifier=identifier,
        titles=suggestion.titles,
        texts=suggestion.texts,
        keywords=suggestion.keywords,
        related=tuple(related),
        subject=suggestion.action_type,
        category=action_type.category or suggestion.action_type,
        entry=suggestion,
        campaign=suggestion.campaign,
        links=frozenset(suggestion.links),
        done_in=frozenset(suggestion.done_in),
        featured=suggestion.featured,
        points=action_type.points.value if action_type.points else Decimal(0),
        avoided_g=action_type.avoided_g.value,
    )


def _of_tree_project(identifier: str, project: TreeProject) -> Document:
    species, place = project.species, project.place.names
    related = [*_words("species", species), *_words("place", place)]
    related += [("latin", project.latin), ("partner", project.partner)]
    return Document(
        kind="tree_project",
        identifier=identifier,
        titles=_text(f"Plant a tree: {species.en}", f"种一棵{species.zh}"),
        texts=_text(f"In {place.en}, by {project.partner}.", f"{place.zh} · {project.partner}"),
        keywords=(*project.keywords, *_TREE_WORDS),
        related=tuple(related),
        subject=TREE_PROJECTS,
        category=TREE_PROJECTS,
        entry=project,
        price_points=project.price_points,
    )


def _of_campaign(identifier: str, campaign: Campaign) -> Document:
    return Document(
        kind="campaign",
        identifier=identifier,
        titles=campaign.names,
        texts=campaign.texts,
        keywords=campaign.keywords,
        related=(
            *(word for edition in campaign.editions.values() if edition.theme for word in _words(THEME, edition.theme)),
            *(("date", word) for word in dates_of(campaign)),
            *_kind_words("campaign"),
        ),
        subject=CAMPAIGNS,
        category=CAMPAIGNS,
        entry=campaign,
        campaign=identifier,
    )


def _of_initiative(identifier: str, initiative: Initiative, catalog: Catalog) -> Document:
    related = [
        word for name in initiative.action_types for word in _words("action_type", catalog.action_types[name].names)
    ]
    for name in initiative.facilities:
        facility = catalog.facilities[name]
        related += [*_words("facility", facility.names), *_words("place", facility.place.names)]
    return Document(
        kind="initiative",
        identifier=identifier,
        titles=initiative.titles,
        texts=initiative.texts,
        keywords=initiative.keywords,
        related=(*related, *_kind_words("initiative")),
        subject=INITIATIVES,
        category=INITIATIVES,
        entry=initiative,
    )


def _words(source: str, text: Text) -> Iterator[tuple[str, str]]:
    return ((source, word) for word in (text.en, text.zh))


def _kind_words(kind: DocumentKind) -> Iterator[tuple[str, str]]:
    return ((KIND, word) for word in _KIND_WORDS[kind])


def _text(en: str, zh: str) -> Text:
    """Return a text made from texts of an entry. It is not checked, because it may be longer than an operator's."""
    return Text.model_construct(en=en, zh=zh)
