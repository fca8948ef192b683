"""The scale model, the costs and the simulated burst follow from what is measured and assumed, and add up."""

from dataclasses import replace
from itertools import pairwise
from math import ceil

import pytest

from benchmarks import costs, prices
from benchmarks.burst import Setting, simulate
from benchmarks.limits import limits, users_at
from benchmarks.scale import BLOCK, DOCUMENT, report, row, short, with_tables
from benchmarks.scale_gauge import LogBytes, step
from benchmarks.scale_model import DAY, DAYS_OF_MONTH, Activity, dollars_a_month, load
from benchmarks.scale_units import SIZES, Measured, Step, Units
from local.apps import load_apps
from local.seed import FOLDER
from local.tables import WIDTH
from local.template import on_aws, resources, template
from saxaul.trees.orders import MAX_TREES_PER_ORDER

API = Units(processor_seconds=0.005, round_trips=3, read_units=2, log_bytes=250, sent_bytes=100)
FUNCTIONS = {
    "find_repeats": "FindRepeats",
    "tally": "TallyImpact",
    "search": "SuggestCampaigns",
    "wallet": "ViewForest",
    "harvest": "RedeemTrees",
    "redeem": "RedeemTrees",
    "redeem_late": "RedeemTrees",
    "view_redemption": "RedeemTrees",
    "settle": "SettleRedemptions",
    "order": "PlaceOrders",
    "confirm": "TakeReports",
    "certificate": "ProveTrees",
}


def make_measured() -> Measured:
    """Return round numbers in place of measured ones. An action costs one write unit, wherever it is reported."""
    steps = {name: Step(function, API) for name, function in FUNCTIONS.items()}
    steps["find_repeats"] = Step("FindRepeats", API, Units(read_units=3), 500, 10)
    steps["tally"] = Step("TallyImpact", replace(API, write_units=5), Units(processor_seconds=1e-5), 1000, 10)
    steps["settle"] = Step("SettleRedemptions", API, Units(write_units=7), 10)
    steps["redeem"] = Step("RedeemTrees", replace(API, write_units=3, sqs_requests=1, stock_reads=1))
    return Measured(
        steps=steps,
        reports={size: Step("IngestActions", Units(0.002, 1, sqs_requests=1, log_bytes=250)) for size in SIZES},
        accruals={
            size: Step(
                "AccruePoints", Units(0.002, 2, log_bytes=250), Units(write_units=size, read_units=0.5 * size), 25, 1
            )
            for size in SIZES
        },
        usual={size: Step("AccruePoints", Units(), Units(0.005, 4, write_units=6, read_units=1), 10) for size in SIZES},
        usual_reports={size: Step("IngestActions", Units(0.002, sqs_requests=size / 10)) for size in SIZES},
        usual_bytes=300,
        records_per_action=1,
        bytes_per_action=100,
        points_per_action=60,
        message_bytes=dict.fromkeys(SIZES, 1000.0),
        tree_bytes=2000,
        tree_records=4,
        renewal_units=1,
        tally_bytes=5000,
        mark_bytes=30,
        mark_hours=30,
        tally_parts=16,
        tally_partitions=4,
        tree_points=18_000,
    )


MEASURED = make_measured()
ACTIVITY = Activity()


def test_a_million_users_report_19_actions_a_second_on_average() -> None:
    mean = load(1e6, ACTIVITY, MEASURED, at_peak=False)

    assert mean.flows["report"].rate * 100 == pytest.approx(1e6 / 3 * 5 / 86_400)
    assert mean.flows["redeem"].rate == pytest.approx(1e6 * 225_000 / 750e6 / 86_400)
    assert mean.stored_gb == pytest.approx(365 * (1e6 / 3 * 5 * 100 + 300 * 2000) / 1e9)


def test_a_table_has_a_partition_for_each_1000_write_units_or_3000_read_units_a_second() -> None:
    activity = replace(ACTIVITY, trees=0, peak=10, kept_days=0)
    one_step = replace(MEASURED, steps=MEASURED.steps | {"tally": Step("TallyImpact", Units())}, mark_bytes=0)

    found = load(100e6, activity, one_step, at_peak=True)

    units = 100e6 / 3 * 5 / 86_400 * 10
    assert found.used.write_units == pytest.approx(units)
    assert found.partitions == max(ceil(units / 1000), ceil(found.used.read_units / 3000))


def test_a_batch_has_what_arrives_in_its_window_and_at_most_the_size_of_the_template() -> None:
    few, many = (load(users, ACTIVITY, MEASURED, at_peak=False).flows for users in (1e6, 50e6))

    assert few["accrue"].batch == 1
    assert 1 < many["accrue"].batch < 25
    assert load(721e7, ACTIVITY, MEASURED, at_peak=True).flows["accrue"].batch == 25


def test_nothing_gets_less_with_more_users() -> None:
    rows = [row(users, ACTIVITY, MEASURED) for users in (1e6, 1e7, 1e8, 721e6)]

    for less, more in pairwise(rows):
        assert less["usd"] < more["usd"]
        assert less["partitions"] <= more["partitions"]
        assert set(less["met"]) <= set(more["met"])
        for name, rate in less["peak"].items():
            assert less["mean"][name] <= rate < more["peak"][name]


def test_a_limit_is_met_at_the_users_at_which_the_demand_reaches_it() -> None:
    for limit in limits():
        users = users_at(limit, ACTIVITY, MEASURED)
        if 1 < users < 9e11:
            less, more = (load(users * times, ACTIVITY, MEASURED, at_peak=True) for times in (0.98, 1.02))
            assert limit.demand(less) <= limit.value < limit.demand(more), limit.name


def test_twice_the_quota_is_met_by_more_users() -> None:
    for limit in limits():
        users = users_at(limit, ACTIVITY, MEASURED)
        assert users_at(replace(limit, value=2 * limit.value), ACTIVITY, MEASURED) >= users


def test_every_limit_has_a_source_and_a_remedy() -> None:
    for limit in limits():
        assert limit.source
        assert limit.remedy
        assert limit.source.startswith("https://docs.aws.amazon.com/") or limit.kind in ("template", "design")


def test_limits_of_the_template_are_read_from_it() -> None:
    values = {limit.name: limit.value for limit in limits() if limit.kind == "template"}
    stage = resources("AWS::Serverless::Api")["Api"]["MethodSettings"][0]
    accruing = resources("AWS::Lambda::EventSourceMapping")["ActionsToAccruePoints"]

    assert values == {
        "throttle of the API's stage": stage["ThrottlingRateLimit"],
        "workers of AccruePoints": on_aws(accruing["ScalingConfig"]["MaximumConcurrency"]),
    }


def test_a_months_bill_is_the_sum_of_units_times_prices() -> None:
    mean = load(1e6, ACTIVITY, MEASURED, at_peak=False)
    seconds = DAYS_OF_MONTH * DAY

    bill = dollars_a_month(mean)

    assert row(1e6, ACTIVITY, MEASURED)["usd"] == pytest.approx(sum(bill.values()))
    assert bill["DynamoDB writes"] == pytest.approx(mean.used.write_units * seconds * 0.625e-6)
    assert bill["API Gateway"] == pytest.approx(mean.api_calls * seconds * 3.5e-6)
    assert bill["DynamoDB storage"] == pytest.approx(mean.stored_gb * 0.25)
    assert bill["Cognito clients"] == 6 * (1 + len(load_apps(FOLDER))), "the operators' client too"


def test_more_marks_make_the_items_of_a_days_totals_longer_and_their_writes_dearer() -> None:
    dealt, single = (load(100e6, ACTIVITY, replace(MEASURED, tally_parts=parts), at_peak=False) for parts in (16, 1))

    assert single.marks == 16 * dealt.marks
    assert single.tally_bytes - 5000 == 16 * (dealt.tally_bytes - 5000)
    assert single.used.write_units > dealt.used.write_units


def test_the_steps_of_a_price_apply_to_the_part_of_the_amount_above_them() -> None:
    tiers = ((10.0, 3.0), (20.0, 2.0), (float("inf"), 1.0))

    assert [prices.tiered(amount, tiers) for amount in (0, 10, 15, 25)] == [0, 30, 40, 55]


def test_a_bill_of_a_million_actions_is_what_a_hand_computes() -> None:
    bill = costs.actions_bill(MEASURED, 100)
    gb_seconds = (
        10_000 * (0.002 * 1769 / 512 + 0.005) * 0.5
        + 400 * (0.002 + 2 * 0.005) * 1769 / 1024
        + 2000 * (0.005 * 1769 / 512 + 3 * 0.005) * 0.5
        + 1000 * ((0.005 + 1000e-5) * 1769 / 512 + 3 * 0.005) * 0.5
    )

    assert tuple(bill) == costs.LINES
    assert bill["API Gateway"] == pytest.approx(10_000 * 3.5e-6)
    assert bill["DynamoDB writes"] == pytest.approx((1_000_000 + 1000 * 5) * 0.625e-6)
    assert bill["DynamoDB reads"] == pytest.approx((500_000 + 3_000_000 + 2000 * 2 + 1000 * 2) * 0.125e-6)
    assert bill["Lambda requests"] == pytest.approx((10_000 + 400 + 2000 + 1000) * 0.2e-6)
    assert bill["Lambda duration"] == pytest.approx(gb_seconds * 0.0000133334)
    assert bill["SQS"] == pytest.approx(10_000 * 0.5e-6)
    assert bill["Storage, for a year"] == pytest.approx(0.1 * 0.25 * 12)


def test_larger_calls_cost_less_and_the_usual_design_costs_more() -> None:
    ours = [sum(costs.actions_bill(MEASURED, size).values()) for size in SIZES]
    usual = [sum(costs.usual_bill(MEASURED, size).values()) for size in SIZES]

    assert ours == sorted(ours, reverse=True)
    assert all(less < more for less, more in zip(ours, usual, strict=True))


def test_a_tree_takes_the_actions_that_earn_its_price() -> None:
    assert costs.actions_of_a_tree(MEASURED) == 300
    assert costs.tree_bill(MEASURED, ACTIVITY)["API Gateway"] == pytest.approx(7 * 3.5)


def test_a_step_is_what_a_small_and_a_large_batch_have_in_common_and_what_each_item_adds() -> None:
    found = step("AccruePoints", "ActionsToAccruePoints", (1, Units(write_units=3)), (11, Units(write_units=23)))

    assert (found.fixed.write_units, found.each.write_units) == (1, 2)
    assert found.uses(5).write_units == 11


def test_log_lines_are_billed_with_26_bytes_each() -> None:
    log = LogBytes()
    log.write('{"message":"树"}\n')

    assert log.bytes == len('{"message":"树"}\n'.encode()) + 26


def test_lambda_adds_no_lines_of_its_own_to_the_log() -> None:
    assert template()["Globals"]["Function"]["LoggingConfig"]["SystemLogLevel"] == "WARN"


BURST = Setting(
    harvest=0.02, redeem=0.05, late=0.02, view=0.02, settle=0.1, reads=1, late_reads=0, people=20_000, arrival=10
)


def test_every_person_of_a_burst_gets_a_verdict_or_gives_up_and_each_sapling_has_one_owner() -> None:
    burst = simulate(BURST)

    assert burst.reserved == 500
    assert burst.accepted == burst.reserved + burst.rejected
    assert burst.verdicts.people == burst.accepted + burst.sold_out_answers
    assert burst.verdicts.people + sum(burst.gave_up.values()) == BURST.people
    assert burst.harvests.people == BURST.people - burst.gave_up["harvest"]


def test_a_throttle_answers_no_more_calls_than_it_admits() -> None:
    burst = simulate(replace(BURST, rate=500, burst=1000))

    assert sum(burst.answered[:10]) <= 1000 + 10 * 500
    assert burst.refusals["throttled"] > simulate(BURST).refusals["throttled"]


def test_the_last_sapling_goes_when_as_many_requests_as_saplings_are_settled() -> None:
    burst = simulate(replace(BURST, saplings=1000))

    assert burst.sold_out >= 1000 / 10 * BURST.settle
    assert burst.sold_out < 2 * 1000 / 10 * BURST.settle


def test_an_item_that_is_read_too_often_refuses_requests_unless_workers_remember_that_it_is_sold_out() -> None:
    herd = replace(BURST, people=100_000, arrival=5, rate=20_000, burst=40_000)

    forgetful = simulate(replace(herd, late_reads=1)).refusals["busy item"]

    assert forgetful > 2 * simulate(herd).refusals["busy item"]


def test_calls_without_a_worker_are_refused() -> None:
    assert simulate(replace(BURST, workers=5)).refusals["no worker"] > 0
    assert simulate(BURST).refusals["no worker"] == 0


def test_the_same_seed_gives_the_same_burst() -> None:
    assert simulate(BURST) == simulate(BURST)
    assert simulate(replace(BURST, seed=2)) != simulate(BURST)


def test_the_tables_of_the_scale_go_into_their_document() -> None:
    summary = report(MEASURED, ACTIVITY, 2000)
    document = DOCUMENT.read_text("utf-8")
    written = with_tables(document, summary)

    assert written != document
    assert with_tables(written, summary) == written
    assert max(len(line) for block in BLOCK.findall(written) for line in block.splitlines()) <= WIDTH


def test_the_document_names_the_most_trees_of_an_order() -> None:
    assert f"are used once for up to {MAX_TREES_PER_ORDER} trees" in DOCUMENT.read_text("utf-8")


@pytest.mark.parametrize(
    ("number", "text"), [(0.5, "0.5"), (999, "999"), (1234, "1.23k"), (721e6, "721M"), (2e12, "2T")]
)
def test_large_numbers_are_shortened(number: float, text: str) -> None:
    assert short(number) == text
