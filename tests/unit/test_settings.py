"""The settings of a function, read from its environment variables and checked."""

from datetime import time
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import pytest

from saxaul.catalog.calendar import Calendar
from saxaul.settings import Settings

TIME_RULES = {"TIME_ZONE": "Asia/Shanghai", "ACCEPTANCE_DAYS": "7", "HARVEST_TIME": "07:00"}


def test_the_variables_of_the_template_are_read() -> None:
    settings = Settings.from_env(
        TIME_RULES
        | {
            "LEDGER_TABLE": "Ledger",
            "CATALOG_TABLE": "Catalog",
            "ACTION_QUEUE_URL": "https://sqs/actions",
            "REDEMPTION_QUEUE_URL": "https://sqs/redemptions.fifo",
            "PLANTING_QUEUE_URL": "https://sqs/planting.fifo",
            "MANIFEST_BUCKET": "manifests",
            "BUS_NAME": "saxaul",
            "CATALOG_DELAY": "2",
        }
    )

    assert (settings.ledger_table, settings.catalog_table) == ("Ledger", "Catalog")
    assert settings.action_queue_url == "https://sqs/actions"
    assert settings.redemption_queue_url == "https://sqs/redemptions.fifo"
    assert settings.planting_queue_url == "https://sqs/planting.fifo"
    assert (settings.manifest_bucket, settings.bus_name) == ("manifests", "saxaul")
    assert settings.calendar == Calendar(ZoneInfo("Asia/Shanghai"), 7, time(7))
    assert settings.catalog_delay == 2


def test_settings_without_a_variable_are_empty() -> None:
    settings = Settings.from_env(TIME_RULES)

    assert (settings.ledger_table, settings.action_queue_url) == ("", "")


def test_points_may_ripen_at_once() -> None:
    assert Settings.from_env(TIME_RULES | {"HARVEST_TIME": "at-once"}).calendar.harvest_time is None


@pytest.mark.parametrize("name", sorted(TIME_RULES))
def test_a_function_without_the_time_rules_does_not_start(name: str) -> None:
    with pytest.raises(KeyError, match=name):
        Settings.from_env({key: value for key, value in TIME_RULES.items() if key != name})


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"HARVEST_TIME": "noon"}, ValueError),
        ({"ACCEPTANCE_DAYS": "a week"}, ValueError),
        ({"TIME_ZONE": "Asia/Alxa"}, ZoneInfoNotFoundError),
    ],
)
def test_a_function_with_a_malformed_variable_does_not_start(change: dict[str, str], error: type[Exception]) -> None:
    with pytest.raises(error):
        Settings.from_env(TIME_RULES | change)
