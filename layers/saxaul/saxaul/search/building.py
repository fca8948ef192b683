"""Build the data of a search index from a catalog."""

from array import array
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import accumulate, chain
from typing import NamedTuple

from saxaul.catalog.entries import Catalog
from saxaul.search.documents import Document, documents_of
from saxaul.search.ladders import known_forms
from saxaul.search.postings import Postings, SetWriter, StoredSets, postings_of
from saxaul.search.ranking import Order, labels_of, order_of, ranked
from saxaul.search.terms import TYPED_SPACES, Space, Vocabulary
from saxaul.search.typos import Remains, remains_of


class Groups:
    """The groups of synonyms of each document.

    Attributes:
        names: all groups.
        starts: for each document, the place in ``numbers`` where its groups start; then the end of the last ones.
        numbers: the places in ``names`` of the groups of all documents.
    """

    def __init__(self, names: Sequence[str], starts: "array[int]", numbers: "array[int]") -> None:
        self.names = names
        self.starts = starts
        self.numbers = numbers

    def of(self, document: int) -> Sequence[str]:
        return [self.names[place] for place in self.numbers[self.starts[document] : self.starts[document + 1]]]


class Built(NamedTuple):
    """The data of an index: all that the search reads, apart from the entries.

    Attributes:
        documents: what the index can find, by number.
        sets: the sets of large ranges of keys, in all spaces.
        spaces: the keys of each space.
        order: the order of the documents.
        groups: the groups of synonyms of each document.
        members: the documents of each group of synonyms that has any, in the order in which these groups are numbered
            after the documents.
        remains: what corrections are found by.
        forms: the known words of each stem.
    """

    documents: Sequence[Document]
    sets: StoredSets
    spaces: Mapping[Space, Postings]
    order: Order
    groups: Groups
    members: Postings
    remains: Remains
    forms: Mapping[str, Sequence[str]]


def build(catalog: Catalog) -> Built:
    """Build the index of a catalog in which no entry refers to a missing entry."""
    documents = ranked(documents_of(catalog))
    vocabulary = Vocabulary(catalog)
    groups_of = [vocabulary.groups_of(document) for document in documents]
    members: dict[str, list[int]] = defaultdict(list)
    labelled: dict[str, list[int]] = defaultdict(list)
    for number, document in enumerate(documents):
        for group in groups_of[number]:
            members[group].append(number)
        for label in labels_of(document):
            labelled[label].append(number)
    keys = _keys(documents, members, vocabulary)
    writer = SetWriter(len(documents) + len(members))
    spaces = {space: postings_of(numbers, writer) for space, numbers in keys.items()}
    return Built(
        documents,
        writer.sets,
        spaces,
        order_of(documents, postings_of(labelled, writer, prefixes=False)),
        _groups(groups_of, list(vocabulary.groups)),
        postings_of({f"{number:08}": of for number, of in enumerate(members.values())}, writer, prefixes=False),
        remains_of(spaces[Space.TYPED].keys),
        known_forms(keys),
    )


def _keys(
    documents: Sequence[Document], groups: Iterable[str], vocabulary: Vocabulary
) -> Mapping[Space, Mapping[str, Sequence[int]]]:
    """Return the keys of all documents and groups of synonyms, by the space where a word can match (``Space``).

    The groups are numbered after the documents.
    """
    found: list[list[int]] = []
    numbered = chain(map(vocabulary.numbers_of, documents), map(vocabulary.numbers_of_group, groups))
    for number, terms in enumerate(numbered):
        found += [[] for _ in range(len(vocabulary.terms) - len(found))]
        for having in map(found.__getitem__, terms):
            having.append(number)
    keys: dict[Space, dict[str, list[int]]] = {space: {} for space in Space}
    for (space, key), having in zip(vocabulary.terms, found, strict=True):
        keys[space][key] = having
    typed: dict[str, list[int]] = {}
    for space in TYPED_SPACES:
        for key, numbers in keys[space].items():
            if key.isascii():
                typed[key] = sorted({*typed[key], *numbers}) if key in typed else numbers
    keys[Space.TYPED] = typed
    return keys


def _groups(groups_of: Sequence[Sequence[str]], names: Sequence[str]) -> Groups:
    places = {name: place for place, name in enumerate(names)}
    return Groups(
        names,
        array("I", accumulate(map(len, groups_of), initial=0)),
        array("I", [places[name] for name in chain.from_iterable(groups_of)]),
    )
