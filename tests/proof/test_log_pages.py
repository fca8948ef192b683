"""The pages of a log: their order, missing, repeated and empty pages, and certificates that the log lacks."""

import json

import pytest

from saxaul.log.canonical_json import encode
from saxaul.log.entries import LogEntry
from saxaul.log.parsing import IncompleteError, NotInLogError, RefusedError
from saxaul.log.verify import verify
from tests.builders import make_leaf
from tests.proof.published import END, PARTNER, Publication, change, refusal, signed


def test_the_pages_of_a_log_may_come_in_any_order_and_a_missing_page_is_named(published: Publication) -> None:
    pages = [encode({"entries": [entry.document()]}) for entry in published.entries]

    def missing_page(*given: bytes) -> str:
        with pytest.raises(IncompleteError) as missing:
            list(verify(published.certificate, given, published.key))
        return str(missing.value)

    assert refusal(published.certificate, pages[::-1], published.key) is None
    assert "GET /log?after=3" in missing_page(*pages)
    assert "GET /log?after=2" in missing_page(*pages[:2])
    assert "GET /log?after=1" in missing_page(pages[0], pages[2], END)
    assert missing_page(pages[1], END) == "the given log has no entries: fetch it from its first page"
    assert missing_page(END) == "the given log has no entries: fetch it from its first page"


def test_a_page_with_a_missing_entry_or_with_two_entries_of_one_sequence_is_refused(published: Publication) -> None:
    first, second, third = (entry.document() for entry in published.entries)

    assert refusal(None, [encode({"entries": [first, third]})], published.key) == ("entry 3 is in the place of entry 2")
    other = second | {"signed_at": third["signed_at"]}
    assert (
        refusal(None, [encode({"entries": [first, second, other]})], published.key)
        == "there are two different entries 2"
    )


def test_a_duplicate_page_or_an_overlapping_page_changes_nothing(published: Publication) -> None:
    first, second, third = (entry.document() for entry in published.entries)
    pages = [encode({"entries": entries}) for entries in ([first, second], [second, third], [first, second])]

    once, again = (
        [*verify(published.certificate, given, published.key)] for given in ([published.log, END], [*pages, END])
    )

    assert once == again


def test_the_empty_page_ends_a_log_only_if_it_comes_last(published: Publication) -> None:
    with pytest.raises(IncompleteError, match="fetch"):
        list(verify(published.certificate, [END, published.log], published.key))


def test_an_empty_or_truncated_log_is_incomplete(published: Publication) -> None:
    cut = encode({"entries": json.loads(published.log)["entries"][:2]})

    for pages in ([END], [cut], [b""], [encode({"status": 404, "code": "not_found", "title": "Not Found"})]):
        for certificate in (published.certificate, None):
            with pytest.raises(IncompleteError, match="fetch"):
                list(verify(certificate, pages, published.key))


def test_a_signed_entry_that_is_not_in_the_log_is_reported_differently_from_a_forgery(published: Publication) -> None:
    cut = encode({"entries": json.loads(published.log)["entries"][:2]})
    head = published.entries[1]
    draft = LogEntry.draft(head, PARTNER, [make_leaf()], signed_at=head.signed_at, key_id=head.key_id)
    other = encode({"entries": [signed(draft, published.kms).document()]})

    for pages, reason in (
        ([cut, END], "entry 3 of the certificate is not in the log, which ends with entry 2"),
        ([cut, other, END], "entry 3 differs between the certificate and the log, and both are signed"),
    ):
        with pytest.raises(NotInLogError, match=reason):
            list(verify(published.certificate, pages, published.key))


def test_a_certificate_without_a_proof_is_refused_if_the_log_has_its_tree(published: Publication) -> None:
    bare = change(published.certificate, ["proof"], None)

    with pytest.raises(NotInLogError, match="the certificate has no proof"):
        list(verify(bare, [], published.key))
    with pytest.raises(RefusedError, match="but its tree is in the log"):
        list(verify(bare, [published.log, END], published.key))
