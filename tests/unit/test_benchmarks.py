"""The benchmarks compute units, requests, dollars and ratios correctly, and compare with what they describe."""

from datetime import date

import pytest
from rich.console import Console

from benchmarks.day import Day
from benchmarks.metering import capacity_units, chunks, units_of_batch
from benchmarks.prices import Usage
from benchmarks.relevance import searches, table_of
from benchmarks.search_engines import Engine, careful_fts5, careful_tantivy, fast_fts5, fast_tantivy
from benchmarks.suggestions import Measured, p99_to_tantivy
from tests.builders import SHANGHAI, make_catalog, make_suggestion
from tests.search.judging import Quality, judged

CATALOG = make_catalog(suggestions={"bus": make_suggestion(keywords=("commute", "wheels"))})
KEY = {"pk": {"S": "a"}, "sk": {"S": "b"}}


def make_day(users: int = 400, *, together: bool = False, seed: int = 1) -> Day:
    return Day(users, date(2026, 6, 4), SHANGHAI, together=together, seed=seed)


def test_a_million_units_requests_and_invocations_cost_their_list_prices() -> None:
    usage = Usage(actions=1_000_000, write_units=10**6, read_units=10**6, sqs_requests=10**6, invocations=10**6)

    assert usage.bill(512) == pytest.approx({"writes": 0.625, "reads": 0.125, "sqs": 0.40, "lambda": 0.20})


def test_a_million_requests_to_a_fair_queue_cost_ten_cents_more() -> None:
    usage = Usage(actions=1_000_000, sqs_requests=10**6, fair_queue_requests=10**6)

    assert usage.bill(512)["sqs"] == pytest.approx(0.50)


def test_computing_takes_longer_with_less_memory_but_waiting_does_not() -> None:
    computing = Usage(actions=1_000_000, processor_seconds=1000)
    waiting = Usage(actions=1_000_000, round_trips=200_000)

    assert computing.bill(512)["lambda"] == pytest.approx(1000 * 1769 / 512 * 0.5 * 0.0000133334)
    assert waiting.bill(512)["lambda"] == pytest.approx(1000 * 0.5 * 0.0000133334)


def test_dollars_are_scaled_to_a_million_actions() -> None:
    assert Usage(actions=2, write_units=3).bill(512)["writes"] == pytest.approx(0.625 * 1.5)
    assert Usage(actions=200, api_calls=2).api_gateway_dollars() == pytest.approx(0.035)


@pytest.mark.parametrize(
    ("response", "units"),
    [
        ({"ConsumedCapacity": {"CapacityUnits": 2.0}}, 2),
        ({"ConsumedCapacity": [{"CapacityUnits": 4.0}, {"CapacityUnits": 1.0}]}, 5),
        ({"Error": {"Code": "ConditionalCheckFailedException"}}, 1),
        ({"Error": {"Code": "TransactionCanceledException"}, "CancellationReasons": [{"Code": "None"}] * 2}, 4),
        ({"Error": {"Code": "ValidationException"}}, 0),
    ],
)
def test_capacity_units_are_read_from_responses_and_errors(response: dict[str, object], units: float) -> None:
    assert capacity_units(response) == units


def test_a_batch_read_costs_half_a_unit_for_each_4_kb_and_for_each_missing_item() -> None:
    long = {**KEY, "z": {"B": b"x" * 5000}}
    request_items = {"Ledger": {"Keys": [KEY] * 3, "ConsistentRead": False}}

    assert units_of_batch(request_items, {"Ledger": [KEY, long]}) == 0.5 + 1.0 + 0.5
    assert units_of_batch({"Ledger": {"Keys": [KEY], "ConsistentRead": True}}, {"Ledger": [KEY]}) == 1


def test_sqs_bills_a_request_for_each_64_kb_of_payload() -> None:
    assert chunks([]) == 1
    assert chunks(["x" * 65_536]) == 1
    assert chunks(["x" * 65_536, "x"]) == 2


@pytest.mark.parametrize("together", [False, True])
def test_the_calls_of_a_day_report_each_action_once_in_order_and_repeat_some(together: bool) -> None:
    day = make_day(together=together)
    come: dict[int, int] = {}
    again = 0

    for call in day.calls(100):
        assert sum(arrival.acts for arrival in call) <= 100
        for arrival in call:
            if arrival.again:
                again += 1
                assert arrival.first + arrival.acts <= come[arrival.user]
            else:
                assert arrival.first == come.get(arrival.user, 0)
                come[arrival.user] = arrival.first + arrival.acts

    assert come == {user: len(day.reported(user)) for user in range(day.users)}
    assert sum(come.values()) == day.actions
    assert 0.005 < again / sum(1 for arrival in day.arrivals if not arrival.again) < 0.02


def test_a_day_has_five_actions_per_user_and_the_busiest_tenth_has_two_fifths_of_them() -> None:
    day = make_day(users=5000)
    acts = sorted((len(day.reported(user)) for user in range(day.users)), reverse=True)

    assert day.actions / day.users == pytest.approx(5, abs=0.3)
    assert sum(acts[:500]) / day.actions == pytest.approx(0.4, abs=0.03)


def test_actions_are_reported_one_by_one_or_about_two_at_once() -> None:
    alone, together = make_day(users=5000), make_day(users=5000, together=True)

    assert {arrival.acts for arrival in alone.arrivals} == {1}
    assert together.actions / sum(1 for arrival in together.arrivals if not arrival.again) == pytest.approx(
        2.2, abs=0.1
    )


def test_the_same_seed_gives_the_same_day() -> None:
    assert make_day().arrivals == make_day().arrivals
    assert make_day().reported(7) == make_day().reported(7)
    assert make_day(seed=2).arrivals != make_day().arrivals


@pytest.mark.parametrize("engine", ["saxaul", "tantivy", "fts5"])
def test_each_compared_search_finds_the_beginnings_of_words_and_nothing_without_a_word(engine: str) -> None:
    search = searches(CATALOG)[engine]

    assert search("commu", "alipay") == search("gongji", "alipay") == ["bus"]
    assert search("%", "alipay") == []


@pytest.mark.parametrize("engine", ["tantivy", "fts5"])
def test_the_other_engines_search_only_what_the_app_can_show(engine: str) -> None:
    search = searches(CATALOG)[engine]

    assert search("commu", "freshippo") == []
    assert search("saxaul", "freshippo") == ["saxaul-alxa"]


@pytest.mark.parametrize("engine", [fast_tantivy, careful_tantivy])
def test_tantivy_forgives_one_typo_in_4_letters_and_two_in_8(engine: Engine) -> None:
    ask = engine(make_catalog(suggestions={"bus": make_suggestion(keywords=("underground", "tram"))}))

    assert ask("trom") == ask("umderground") == ask("umdergroumd") == ["bus"]
    assert ask("tron") == ask("umdergroums") == []


@pytest.mark.parametrize(
    ("engine", "found"), [(fast_tantivy, []), (careful_tantivy, ["bus"]), (fast_fts5, []), (careful_fts5, ["bus"])]
)
def test_only_the_careful_form_of_an_engine_finds_documents_that_lack_a_word(engine: Engine, found: list[str]) -> None:
    ask = engine(CATALOG)

    assert ask("commute wheels") == ["bus"]
    assert ask("commute xyzzy") == found


def test_careful_tantivy_ranks_whole_words_before_beginnings_and_these_before_typos() -> None:
    words = {"typo": "lamb", "beginning": "lamps", "whole": "lamp"}
    ask = careful_tantivy(
        make_catalog(suggestions={name: make_suggestion(keywords=(word,)) for name, word in words.items()})
    )

    assert ask("lamp") == ["whole", "beginning", "typo"]


def test_the_table_of_relevance_shows_every_figure_in_80_columns() -> None:
    figures = [Quality(22, 0.111, 0.222, 0.333), Quality(22, 0.444, 0.555, None), Quality(22, 0.666, 0.777, None)]
    by_engine = dict(zip(("saxaul", "tantivy", "fts5"), figures, strict=True))
    console = Console(width=80)
    with console.capture() as output:
        console.print(table_of(dict.fromkeys(judged("tuning"), by_engine), "held-out"))

    assert max(map(len, output.get().splitlines())) <= 80
    for figure in ("0.111", "0.222", "0.333", "0.444", "0.555", "0.666", "0.777"):
        assert output.get().count(figure) == len(judged("tuning"))


def test_the_budget_compares_the_99th_percentiles_at_5000_suggestions() -> None:
    measured = [
        Measured(engine, size, build_s=1, memory_mb=1, p99_first_ms=9, p50_ms=0.1, p99_ms=p99, p99_cpu_ms=2 * p99)
        for engine, size, p99 in [
            ("saxaul", 1_000, 7),
            ("tantivy (fuzzy prefix)", 1_000, 7),
            ("saxaul", 5_000, 0.5),
            ("tantivy (fuzzy prefix)", 5_000, 2),
        ]
    ]

    assert p99_to_tantivy(measured) == (0.25, 0.25)
