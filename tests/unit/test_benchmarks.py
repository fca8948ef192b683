"""The benchmarks compute units, requests, dollars and ratios correctly, and compare with what they describe."""

import subprocess
from collections import Counter
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest

from benchmarks import throughput
from benchmarks.checkouts import commit_before, commit_of
from benchmarks.day import Day
from benchmarks.metering import capacity_units, chunks, units_of_batch
from benchmarks.prices import Usage
from benchmarks.relevance import searches, show
from benchmarks.search_engines import Engine, careful_fts5, careful_tantivy, fast_fts5, fast_tantivy
from benchmarks.suggestions import Measured, p99_to_tantivy
from benchmarks.throughput_driver import Took
from benchmarks.throughput_load import DAYS, POINTS, TYPE, Load, faults, make_load
from local.seed import as_catalog, load
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


def test_the_table_of_relevance_shows_every_figure(capsys: pytest.CaptureFixture[str]) -> None:
    figures = [Quality(22, 0.111, 0.222, 0.333), Quality(22, 0.444, 0.555, None), Quality(22, 0.666, 0.777, None)]
    by_engine = dict(zip(("saxaul", "tantivy", "fts5"), figures, strict=True))

    show(dict.fromkeys(judged("tuning"), by_engine), "held-out")

    output = capsys.readouterr().out
    for figure in ("0.111", "0.222", "0.333", "0.444", "0.555", "0.666", "0.777"):
        assert output.count(figure) == len(judged("tuning"))


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


def make_small_load() -> Load:
    return make_load("x", 400, 40, 50, datetime(2026, 6, 10, 9, tzinfo=SHANGHAI))


def test_a_load_has_each_action_once_and_one_in_twenty_again() -> None:
    sent = Counter(action for call in make_small_load().calls for action in call)

    assert len(sent) == 400
    assert Counter(sent.values()) == {1: 380, 2: 20}
    assert {len(call) for call in make_small_load().calls[:-1]} == {50}


def test_a_load_gives_each_person_equally_many_actions_on_each_day() -> None:
    expected = make_small_load().expected()

    assert len(expected) == 40 * DAYS
    assert {len(names) for names in expected.values()} == {2}


def test_the_actions_of_a_load_earn_the_same_in_every_order_and_campaign() -> None:
    catalog = as_catalog(load())
    rule = catalog.action_types[TYPE]
    body = make_small_load().body(0)

    assert rule.points is not None
    assert {action["quantity"] * rule.points.value for action in body["actions"]} == {POINTS}
    assert not any(TYPE in campaign.multipliers for campaign in catalog.campaigns.values())


@pytest.mark.parametrize("change", ["lost", "twice", "worth_less"])
def test_a_lost_or_repeated_action_or_other_points_are_faults(change: str) -> None:
    expected = make_small_load().expected()
    found = {key: dict.fromkeys(names, POINTS) for key, names in expected.items()}
    assert list(faults(expected, found)) == []

    one, other = list(found)[:2]
    name = min(found[one])
    match change:
        case "lost":
            del found[one][name]
        case "twice":
            found[other][name] = POINTS
        case _:
            found[one][name] = 0

    assert len(list(faults(expected, found))) == 1


def make_repository(folder: Path) -> Path:
    def git(*arguments: str) -> None:
        identity = ("-c", "user.name=x", "-c", "user.email=x@example.org", "-c", "commit.gpgsign=false")
        subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, capture_output=True)  # noqa: S603, S607 - our own

    git("init", "--initial-branch=main")
    git("config", "core.hooksPath", "/dev/null")
    for name in ("first", "second", "third"):
        (folder / name).write_text(name)
        git("add", name)
        git("commit", "--message", name)
    return folder


def test_the_older_commit_is_the_parent_of_the_one_that_added_a_file(tmp_path: Path) -> None:
    repository = make_repository(tmp_path)

    assert commit_before("second", repository) == commit_of("main~2", repository)
    assert commit_before("third", repository) == commit_of("main~1", repository)


@pytest.mark.parametrize("file", ["first", "never"])
def test_there_is_no_older_commit_if_the_first_commit_or_none_added_the_file(tmp_path: Path, file: str) -> None:
    assert commit_before(file, make_repository(tmp_path)) is None


def test_there_is_no_older_commit_in_a_shallow_clone_or_without_a_repository(tmp_path: Path) -> None:
    (source := tmp_path / "source").mkdir()
    make_repository(source)
    shallow = ["git", "clone", "--quiet", "--depth", "1", source.as_uri(), str(tmp_path / "shallow")]
    subprocess.run(shallow, check=True)  # noqa: S603 - our own
    (tmp_path / "empty").mkdir()

    assert commit_before("third", tmp_path / "shallow") is None
    assert commit_before("third", tmp_path / "empty") is None


def make_figures(seconds: float) -> dict[str, Any]:
    figures = throughput.Figures()
    for kind in throughput.BUDGETS:
        figures.loads[kind] = [Took(seconds * n, 2 * seconds, Counter(AccruePoints=20_000), 0) for n in (1, 3)]
    figures.one_report_ms = [30.0] * 99 + [70.0]
    return figures.summary(10_000)


def test_figures_are_means_of_the_rounds_and_ratios_compare_them() -> None:
    ours, before = make_figures(5), make_figures(20)

    assert (ours["draining"]["seconds"], ours["draining"]["actions_per_second"]) == (10, 1000)
    assert ours["draining"]["cpu_ms_per_action"] == {"AccruePoints": 2.0}
    assert throughput.ratios(ours, before) == {"draining": 4.0, "end_to_end": 4.0}
