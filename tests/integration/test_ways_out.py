"""The ways on which text leaves the programme, the modules that have such a way, and the tests of it.

A module that puts text out on one of these ways and is not in ``WAYS_OUT`` fails a test.
"""

import re
from collections.abc import Callable
from typing import NamedTuple

import pytest

from local.sam import ROOT
from tests.hostile_texts import HOSTILE, NAMES_THAT_LOOK_LIKE_OTHERS
from tests.integration import (
    test_text_in_documents,
    test_text_in_keys_and_files,
    test_text_in_log_lines,
    test_text_in_responses,
    test_text_in_settings,
    test_text_on_terminals,
)
from tests.integration.each_text import IDS, IN_CATALOG, SENT


class WayOut(NamedTuple):
    """A way on which text leaves: what shows it in the source, the modules that have it, and the tests of it."""

    trace: str
    modules: set[str]
    tests: tuple[Callable[..., None], ...]


WAYS_OUT = {
    "cells of a spreadsheet": WayOut(
        r"csv\.(Dict)?[Ww]riter\(",
        {"saxaul/trees/manifests.py"},
        (
            test_text_in_documents.test_no_cell_of_a_manifest_is_a_formula_whatever_the_spreadsheet_takes_for_a_separator,
            test_text_in_documents.test_the_ids_of_a_manifest_are_the_same_in_the_csv,
            test_text_in_documents.test_the_json_manifest_has_the_exact_text,
        ),
    ),
    "events on the bus": WayOut(
        r"put_events\(",
        {"saxaul/storage/bus.py"},
        (test_text_in_documents.test_an_event_on_the_bus_has_the_exact_text,),
    ),
    "markup of pictures and pages": WayOut(
        r"\btostring\(",
        {"saxaul/certificate/markup.py", "saxaul/certificate/picture.py"},
        (
            test_text_in_documents.test_a_text_on_the_page_of_a_certificate_stays_text,
            test_text_in_documents.test_a_text_on_the_picture_of_a_certificate_stays_text,
            test_text_in_documents.test_a_dedication_on_a_certificate_is_cleaned_and_exact_in_its_json,
        ),
    ),
    "log lines": WayOut(
        r"\blogger\.(debug|info|warning|error|exception|critical)\(",
        {
            "saxaul/http/endpoint.py",
            "saxaul/services/cosign.py",
            "saxaul/services/export_person.py",
            "saxaul/services/find_certificate.py",
            "saxaul/services/meter_calls.py",
            "saxaul/services/personal.py",
            "saxaul/services/queue_calls.py",
            "saxaul/services/read_figures.py",
            "saxaul/services/search.py",
            "saxaul/services/sequence_log.py",
            "saxaul/services/settle.py",
            "saxaul/services/tally.py",
            "saxaul/storage/catalog.py",
            "saxaul/storage/registry.py",
            "saxaul/startup.py",
            *(f"functions/{name}/handler.py" for name in ("accrue_points", "find_repeats", "place_orders")),
            *(f"functions/{name}/handler.py" for name in ("schedule_orders", "settle_redemptions", "tally_impact")),
            *(f"functions/{name}/handler.py" for name in ("publish_catalog", "sweep_redemptions", "end_overlaps")),
            *(f"functions/{name}/handler.py" for name in ("sequence_log", "cosign_checkpoints", "hash_photos")),
            "functions/erase_persons/handler.py",
            "saxaul/services/erase_items.py",
            "functions/ingest_actions/handler.py",
            "saxaul/services/end_overlaps.py",
            "saxaul/services/publish_catalog.py",
        },
        (
            test_text_in_log_lines.test_a_log_line_is_one_json_document_with_our_fields_only,
            test_text_in_log_lines.test_the_log_line_of_an_exception_is_short_and_has_our_fields_only,
        ),
    ),
    "headers and responses": WayOut(
        r'"(location|etag|set-cookie|content-disposition|content-type|vary)":',
        {
            "saxaul/http/conditional_requests.py",
            "saxaul/http/endpoint.py",
            "functions/describe_api/handler.py",
            "functions/manage_apps/handler.py",
            "functions/manage_catalog/handler.py",
            "functions/manage_persons/handler.py",
            "functions/prove_trees/handler.py",
            "functions/redeem_trees/handler.py",
            "functions/suggest_campaigns/handler.py",
        },
        (
            test_text_in_responses.test_no_route_fails_or_answers_with_a_header_that_a_client_can_break,
            test_text_in_responses.test_a_match_of_the_search_is_a_part_of_the_exact_text_of_the_catalog,
        ),
    ),
    "addresses": WayOut(
        r"\bbase_url\b(?!=)",
        {
            "saxaul/http/request.py",
            "saxaul/http/factor_views.py",
            "saxaul/http/ledger_views.py",
            "functions/describe_api/handler.py",
            "functions/manage_persons/handler.py",
            "functions/prove_trees/handler.py",
            "functions/redeem_trees/handler.py",
            "functions/view_forest/handler.py",
            "functions/view_impact/handler.py",
        },
        (
            test_text_in_responses.test_an_address_is_never_made_of_the_host_that_a_client_sends,
            test_text_in_responses.test_a_location_leads_to_the_person_whose_id_it_contains,
        ),
    ),
    "keys of items": WayOut(
        r"\bKey\((?!NamedTuple)[^)]|f\"[A-Z]+#\{",
        {
            f"saxaul/storage/{name}.py"
            for name in (
                "apps",
                "catalog",
                "claims",
                "erasures",
                "evidence",
                "grants",
                "impact",
                "leaves",
                "nameless",
                "orders",
                "periods",
                "person_items",
                "photos",
                "receipts",
                "redemptions",
                "registry",
                "sequence",
                "table",
                "usage",
            )
        },
        (
            test_text_in_keys_and_files.test_no_id_or_name_can_contain_what_separates_the_parts_of_a_key,
            test_text_in_keys_and_files.test_different_items_never_have_the_same_key,
            test_text_in_keys_and_files.test_the_entry_of_an_app_never_has_the_name_of_another_apps_entry,
            test_text_in_keys_and_files.test_different_redemption_requests_never_have_the_same_id,
            test_text_in_keys_and_files.test_a_tag_leads_to_the_item_of_the_same_tag_alone,
            test_text_in_keys_and_files.test_a_list_of_the_index_belongs_to_one_project_or_partner,
        ),
    ),
    "queue messages and stored files": WayOut(
        r"\.(send_message|put_object|generate_presigned_url)\(",
        {
            "saxaul/storage/queues.py",
            "saxaul/storage/manifests.py",
            "saxaul/storage/exports.py",  # its keys are made of hashes
            "operations/dead_letter_queue.py",
            "local/good_deployments.py",  # only our own template and parameters
        },
        (
            test_text_in_keys_and_files.test_a_queue_message_has_exactly_the_ids_that_were_reported,
            test_text_in_keys_and_files.test_the_reason_of_a_reversal_stays_one_text_in_its_message,
            test_text_in_keys_and_files.test_a_message_group_and_a_file_name_have_only_characters_that_need_no_escaping,
        ),
    ),
    "YAML": WayOut(
        r"yaml\.(safe_)?dump(_all)?\(",
        {"local/export.py"},
        (
            test_text_in_keys_and_files.test_an_exported_catalog_is_read_back_with_the_same_text,
            test_text_in_keys_and_files.test_a_catalog_file_cannot_name_an_entry_that_leads_to_another_path,
        ),
    ),
    "terminals": WayOut(
        r"\bconsole\.(print|status)\(|(?<!def )\bexit_with\(|(?<!\w)print\(",
        {
            *(
                f"local/{name}.py"
                for name in ("apps", "build", "client", "connect", "console", "deploy", "export", "pictures")
            ),
            *(f"local/{name}.py" for name in ("replay", "seed", "stack", "story", "viewer")),
            *(f"local/{name}.py" for name in ("clock", "season", "tables", "telling")),
            *(f"local/{name}.py" for name in ("deployment", "function_check", "rollback", "seeding")),
            *(
                f"local/{name}.py"
                for name in ("container_network", "example_person", "install", "invoke", "next_steps")
            ),
            "local/shown_invocations.py",
            *(f"operations/{name}.py" for name in ("dead_letters", "reconcile", "recount", "shown_batches")),
            "operations/erased_since.py",
            *(f"operations/{name}.py" for name in ("app_actions", "selection", "take_back")),
            *(
                f"operations/{name}.py"
                for name in ("shown_actions", "shown_outcomes", "shown_reconcile", "shown_status")
            ),
            "saxaul/log/__main__.py",
        },
        (
            test_text_on_terminals.test_a_text_on_a_terminal_is_one_line_without_commands_and_without_markup,
            test_text_on_terminals.test_a_command_prints_a_text_without_controlling_the_terminal,
            test_text_on_terminals.test_a_bad_row_is_one_line_of_the_report,
            test_text_on_terminals.test_the_verifier_gives_a_reason_on_one_line,
            test_text_on_terminals.test_only_the_console_escapes_markup_and_every_command_prints_through_it,
        ),
    ),
    "other programs": WayOut(
        r"subprocess\.(run|Popen|call|check_output|check_call)\(",
        {
            *(f"local/{name}.py" for name in ("browser", "build", "deploy", "good_deployments", "sam", "stack")),
            *(f"local/{name}.py" for name in ("install", "lambda_image", "page_pictures", "recording", "viewer")),
        },
        (
            test_text_in_settings.test_a_parameter_of_a_deployment_arrives_as_it_was_written,
            test_text_in_settings.test_the_template_writes_no_parameter_into_another_text_but_a_name_of_a_host,
            test_text_in_settings.test_the_command_of_the_readme_finds_only_real_numbers_in_a_bundle,
        ),
    ),
    "code that runs a text": WayOut(
        r"(?<![\w.])(eval|exec)\(|pickle|yaml\.(unsafe_)?load\(|shell=True|os\.system|__import__",
        {"local/template.py"},  # reads our own template with a loader that makes no objects
        (),
    ),
}


def sources() -> dict[str, str]:
    files = {
        "saxaul": ROOT / "layers/saxaul/saxaul",
        **{name: ROOT / name for name in ("functions", "local", "operations")},
    }
    return {
        f"{name}/{file.relative_to(folder)}": file.read_text("utf-8")
        for name, folder in files.items()
        for file in folder.rglob("*.py")
    }


@pytest.mark.parametrize("way", WAYS_OUT)
def test_every_module_with_a_way_out_is_listed(way: str) -> None:
    trace, modules, _ = WAYS_OUT[way]

    assert {name for name, text in sources().items() if re.search(trace, text)} == modules


def test_the_corpus_has_a_text_for_every_kind_of_attack() -> None:
    assert len({name.rpartition("-")[0] for name in HOSTILE}) >= 8
    assert len(set(SENT)) == len(SENT)
    assert set(NAMES_THAT_LOOK_LIKE_OTHERS) <= set(SENT)
    assert IDS
    assert len(IN_CATALOG) > 140
