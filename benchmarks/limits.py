"""The limits that a growing load meets: AWS's quotas, AWS's fixed limits, numbers of the template, and our design.

The values are AWS's published ones to the author's knowledge of 2026-11-27; the pages were not fetched for this file.
Each limit names its page. ``kind`` says what can be done:

- ``template``: a number of template.yaml, which we can change.
- ``quota``: AWS raises it on request.
- ``fixed``: AWS does not raise it for one key, one group or one item.
- ``design``: it follows from how the code works.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import ceil
from typing import Literal

from benchmarks.prices import ROUND_TRIP
from benchmarks.scale_model import LARGEST_ITEM, TALLIED_DAYS, Activity, Load, clients, load
from benchmarks.scale_units import Measured
from local.template import on_aws, resources
from saxaul.storage.redemptions import REQUESTED_LISTS
from saxaul.storage.registry import CLIENT_CACHED_FOR

Kind = Literal["template", "quota", "fixed", "design"]
GUIDE = "https://docs.aws.amazon.com"

GROUP_SENDS = 300
"""Messages a second that a group of a FIFO queue takes without batches: a group is in one partition of the queue.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html
"""


@dataclass(frozen=True)
class Limit:
    """A limit, and the demand of a load on what it limits. ``demand`` and ``value`` have the same unit.

    ``remedy`` is what to do before the limit is met.
    """

    name: str
    kind: Kind
    value: float
    unit: str
    demand: Callable[[Load], float]
    source: str
    remedy: str


def users_at(limit: Limit, activity: Activity, measured: Measured) -> float:
    """Return the number of monthly users at whose peak a limit is met."""
    low, high = 1.0, 1e12
    if limit.demand(load(low, activity, measured, at_peak=True)) > limit.value:
        return low
    while high / low > 1.001:  # noqa: PLR2004 - a thousandth is close enough
        middle = (low * high) ** 0.5
        if limit.demand(load(middle, activity, measured, at_peak=True)) > limit.value:
            high = middle
        else:
            low = middle
    return low


def limits() -> list[Limit]:
    """Return all limits. The numbers of the template are read from it."""
    return [*_at_the_door(), *_of_workers(), *_of_tables(), *_of_keys(), *_of_other_services()]


def _at_the_door() -> list[Limit]:
    stage = resources("AWS::Serverless::Api")["Api"]["MethodSettings"][0]
    page = f"{GUIDE}/apigateway/latest/developerguide/limits.html"
    return [
        Limit(
            "throttle of the API's stage",
            "template",
            stage["ThrottlingRateLimit"],
            "calls/s",
            lambda found: found.api_calls,
            "template.yaml",
            "raise ThrottlingRateLimit and ThrottlingBurstLimit",
        ),
        Limit(
            "API Gateway calls of an account",
            "quota",
            10_000,
            "calls/s",
            lambda found: found.api_calls,
            page,
            "ask AWS; larger programmes deal their apps to several accounts",
        ),
        Limit(
            "Cognito tokens",
            "quota",
            150,
            "tokens/s",
            lambda found: found.tokens,
            f"{GUIDE}/cognito/latest/developerguide/quotas.html",
            "ask AWS; let servers share a token",
        ),
    ]


def _of_workers() -> list[Limit]:
    accruing = resources("AWS::Lambda::EventSourceMapping")["ActionsToAccruePoints"]["ScalingConfig"]
    page = f"{GUIDE}/lambda/latest/dg/gettingstarted-limits.html"
    return [
        Limit(
            "workers of AccruePoints",
            "template",
            on_aws(accruing["MaximumConcurrency"]),
            "workers",
            lambda found: found.workers_by_function["AccruePoints"],
            "template.yaml",
            "raise MaximumConcurrency",
        ),
        Limit(
            "workers of AccruePoints for one queue",
            "quota",
            1000,
            "workers",
            lambda found: found.workers_by_function["AccruePoints"],
            f"{GUIDE}/lambda/latest/dg/services-sqs-scaling.html",
            "ask AWS, or add queues",
        ),
        Limit(
            "Lambda workers of an account",
            "quota",
            1000,
            "workers",
            lambda found: found.workers,
            page,
            "ask AWS",
        ),
        Limit(
            "messages received and not deleted",
            "quota",
            120_000,
            "messages",
            lambda found: found.flows["accrue"].workers * found.flows["accrue"].batch,
            f"{GUIDE}/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html",
            "ask AWS",
        ),
    ]


def _of_tables() -> list[Limit]:
    page = f"{GUIDE}/amazondynamodb/latest/developerguide/ServiceQuotas.html"
    return [
        Limit(
            "write units of a table",
            "quota",
            40_000,
            "units/s",
            lambda found: found.used.write_units,
            page,
            "ask AWS",
        ),
        Limit(
            "read units of a table",
            "quota",
            40_000,
            "units/s",
            lambda found: found.used.read_units,
            page,
            "ask AWS",
        ),
        Limit(
            "write units of a new table",
            "fixed",
            4000,
            "units/s",
            lambda found: found.used.write_units,
            f"{GUIDE}/amazondynamodb/latest/developerguide/on-demand-capacity-mode.html",
            "grows by itself to twice the last peak; warm throughput sets it in advance",
        ),
    ]


def _of_keys() -> list[Limit]:
    """Return the limits of what many requests share: an item, a partition of an index, a message group."""
    page = f"{GUIDE}/amazondynamodb/latest/developerguide/bp-partition-key-design.html"
    return [
        Limit(
            "bytes of an item of a day's totals",
            "design",
            LARGEST_ITEM,
            "bytes",
            lambda found: found.tally_bytes,
            f"{GUIDE}/amazondynamodb/latest/developerguide/Constraints.html",
            "deal a day's totals among more items, or keep marks for a shorter time",
        ),
        Limit(
            "writers of an item of a day's totals",
            "design",
            0.5 / (2 * ROUND_TRIP),
            "writes/s",
            lambda found: found.flows["tally"].invocations / found.measured.tally_parts,
            "two round trips for each write, and half of the time free",
            "deal a day's totals among more items",
        ),
        Limit(
            "writes of a partition of a day's totals",
            "fixed",
            1000,
            "units/s",
            _tally_writes,
            page,
            "raise MaximumBatchingWindowInSeconds of ChangesToTally",
        ),
        Limit(
            "reads of the catalog's newest state",
            "fixed",
            3000,
            "units/s",
            lambda found: found.renewals_per_second * found.measured.renewal_units,
            page,
            "let workers read less at a renewal",
        ),
        Limit(
            "reads of the registered clients",
            "fixed",
            3000,
            "units/s",
            lambda found: min(found.api_calls, found.catalog_workers * clients() / CLIENT_CACHED_FOR),
            page,
            "cache clients for longer",
        ),
        Limit(
            "reads of the favourite project's stock",
            "fixed",
            3000,
            "units/s",
            _stock_reads,
            page,
            "remember in a worker that a project is sold out",
        ),
        Limit(
            "redemptions of the favourite project",
            "design",
            1,
            "workers",
            _settling,
            f"{GUIDE}/AWSSimpleQueueService/latest/SQSDeveloperGuide/high-throughput-fifo.html",
            "deal a project's saplings among several groups",
        ),
        Limit(
            "sends to the favourite project's group",
            "fixed",
            GROUP_SENDS,
            "messages/s",
            lambda found: found.flows["redeem"].rate * found.activity.favourite_share,
            f"{GUIDE}/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html",
            "deal a project's requests among several groups",
        ),
        Limit(
            "writes of a list of pending redemptions",
            "fixed",
            1000,
            "units/s",
            lambda found: 2 * found.flows["redeem"].rate / REQUESTED_LISTS,
            page,
            "raise REQUESTED_LISTS",
        ),
        Limit(
            "writes of a project's list of waiting trees",
            "fixed",
            1000,
            "units/s",
            lambda found: found.flows["redeem"].rate * found.activity.favourite_share,
            page,
            "deal the list among several",
        ),
        Limit(
            "entries of the log, which are chained",
            "design",
            1,
            "writers",
            lambda found: found.flows["confirm"].workers,
            "one entry after the other",
            "report more trees in a request",
        ),
    ]


def _of_other_services() -> list[Limit]:
    return [
        Limit(
            "signatures",
            "quota",
            1000,
            "requests/s",
            lambda found: found.used.signatures,
            f"{GUIDE}/kms/latest/developerguide/requests-per-second.html",
            "ask AWS",
        ),
        Limit(
            "manifests put in one prefix of a bucket",
            "fixed",
            3500,
            "requests/s",
            lambda found: found.used.files,
            f"{GUIDE}/AmazonS3/latest/userguide/optimizing-performance.html",
            "use more prefixes",
        ),
        Limit(
            "events on the bus",
            "quota",
            10_000,
            "events/s",
            lambda found: found.used.events,
            f"{GUIDE}/eventbridge/latest/userguide/eb-quota.html",
            "ask AWS",
        ),
    ]


def _tally_writes(found: Load) -> float:
    """Return the write units a second of the partition that has the most of the totals of today and yesterday."""
    units = found.flows["tally"].invocations * TALLIED_DAYS * ceil(min(found.tally_bytes, LARGEST_ITEM) / 1024)
    return units / found.measured.tally_partitions


def _stock_reads(found: Load) -> float:
    asking = found.flows["redeem"], found.flows["redeem_late"]
    return found.activity.favourite_share * sum(flow.used.stock_reads for flow in asking)


def _settling(found: Load) -> float:
    """Return the share of the time in which the favourite project's group is settled, at full batches."""
    step = found.flows["settle"].step
    return found.flows["redeem"].rate * found.activity.favourite_share * step.seconds(step.most) / step.most
