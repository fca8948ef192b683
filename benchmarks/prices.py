"""AWS list prices, and the cost of a measured usage at these prices.

The prices are those of US East (N. Virginia) in dollars: first price tier, without free tier and savings plans. They
were looked up on 2026-11-24:

- DynamoDB on demand, since 1 November 2024: $0.625 per million write units, $0.125 per million read units
  (airbyte.com, DynamoDB Pricing, July 2025). AWS's own page loads its prices by a script and was not read.
- SQS standard queues: $0.40 per million requests, where each 64 KB of payload is a request; fair queues: $0.10 more
  (cloudburn.io, Amazon SQS pricing, March 2026). No source said whether receiving and deleting cost the extra $0.10
  too; this module assumes that they do.
- Lambda on arm64: $0.0000133334 per GB-second, $0.20 per million invocations
  (cloudchipr.com, AWS Lambda Pricing, 2024).
- API Gateway, REST: $3.50 per million calls (AWS whitepaper, Best Practices for API Gateway Private APIs, table 4).

The other prices, and all steps of ``Tiers``, are used by ``benchmarks/scale.py``. They were written down from knowledge
of AWS's price list, on 2026-11-27. AWS's pages load their prices by scripts, so they were not read for this file. Each
price names its page, so that it can be checked.
"""

from dataclasses import dataclass
from math import inf

REGION = "us-east-1"
AS_OF = "2026-11-24"

WRITE_UNIT = 0.625e-6
READ_UNIT = 0.125e-6
SQS_REQUEST = 0.40e-6
FAIR_QUEUE_REQUEST = 0.10e-6
GB_SECOND = 0.0000133334
INVOCATION = 0.20e-6
API_CALL = 3.50e-6

HTTP_API_CALL = 1.00e-6
"""A call of an API Gateway HTTP API, of up to 512 KB. https://aws.amazon.com/api-gateway/pricing/"""

LOGGED_GB = 0.50
"""A gigabyte that CloudWatch Logs ingests, in the standard class. https://aws.amazon.com/cloudwatch/pricing/"""

KEPT_LOG_GB = 0.03
"""A gigabyte of compressed logs, kept for a month. The same page."""

STORED_GB = 0.25
"""A gigabyte in a DynamoDB table, standard class, kept for a month. https://aws.amazon.com/dynamodb/pricing/on-demand/

AWS adds 100 bytes to each item for its index.
"""

RECOVERABLE_GB = 0.20
"""The same gigabyte with point-in-time recovery, for a month. The same page."""

STREAM_READ = 0.0
"""A GetRecords call that Lambda's poller makes for a function. Others cost 0.02 dollars per 100,000. The same page."""

TOKEN = 2.25e-3
"""A token by the client credentials grant, and below an app client for a month.

https://aws.amazon.com/cognito/pricing/, machine-to-machine authorization.
"""

APP_CLIENT_MONTH = 6.00

KEY_MONTH = 1.00
"""A KMS key, for a month. https://aws.amazon.com/kms/pricing/"""

SIGNATURE = 0.15e-4
"""A request to KMS with an elliptic curve key: 0.15 dollars for 10,000. The same page."""

S3_PUT = 0.005e-3
"""A request that writes to S3, standard class. https://aws.amazon.com/s3/pricing/"""

S3_GET = 0.0004e-3
"""A request that reads from S3, standard class. https://aws.amazon.com/s3/pricing/"""

CDN_REQUEST = 0.01e-4
"""An HTTPS request to CloudFront in the United States or Europe. https://aws.amazon.com/cloudfront/pricing"""

CDN_GB = 0.085
"""A gigabyte that CloudFront sends there, up to 10 TB a month. The same page."""

EVENT = 1.00e-6
"""A custom event on an EventBridge bus, of up to 64 KB. https://aws.amazon.com/eventbridge/pricing/"""

ALARM_METRIC_MONTH = 0.10
"""A metric of a CloudWatch alarm, for a month. https://aws.amazon.com/cloudwatch/pricing/"""

METRIC_MONTH = 0.30
"""A metric of our own, for a month in which it has data. The same page."""

DASHBOARD_MONTH = 3.00
"""A dashboard of more than 50 metrics, for a month. The same page."""

SENT_GB = 0.09
"""A gigabyte that AWS sends to the internet. https://aws.amazon.com/ec2/pricing/on-demand/, data transfer."""

CDN_SENT_GB = 0.085
"""A gigabyte that CloudFront sends in North America and Europe, first step. https://aws.amazon.com/cloudfront/pricing/

Reading from S3 is free for CloudFront. The first 1,000 GB and 10 million requests of a month are free; that is not
counted here.
"""

CDN_REQUEST = 0.01e-4
"""An HTTPS request to CloudFront in North America: 0.01 dollars for 10,000. The same page."""

EMPTY_POLL_MINUTE = 15
"""Receive requests that Lambda makes each minute to an empty queue: five pollers that each wait for 20 seconds.

https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html
"""

Tiers = tuple[tuple[float, float], ...]
"""Steps of a price: the monthly amount up to which a step applies, and the price of one unit within it."""

REST_TIERS: Tiers = ((333e6, 3.50e-6), (1e9, 2.80e-6), (20e9, 2.38e-6), (inf, 1.51e-6))
HTTP_TIERS: Tiers = ((300e6, 1.00e-6), (inf, 0.90e-6))
"""https://aws.amazon.com/api-gateway/pricing/"""

GB_SECOND_TIERS: Tiers = ((7.5e9, 0.0000133334), (18.75e9, 0.0000120001), (inf, 0.0000106667))
"""https://aws.amazon.com/lambda/pricing/, arm64."""

SQS_TIERS: Tiers = ((100e9, 0.40e-6), (200e9, 0.30e-6), (inf, 0.24e-6))
"""https://aws.amazon.com/sqs/pricing/, standard queues. FIFO queues cost 0.10 more in the first step."""

FIFO_REQUEST = 0.50e-6

SENT_TIERS: Tiers = ((10e3, 0.09), (50e3, 0.085), (150e3, 0.07), (inf, 0.05))
"""Gigabytes to the internet. https://aws.amazon.com/ec2/pricing/on-demand/, data transfer."""

LOG_TIERS: Tiers = ((10e3, 0.50), (30e3, 0.25), (50e3, 0.10), (inf, 0.05))
"""Gigabytes of Lambda's logs, since May 2025. https://aws.amazon.com/cloudwatch/pricing/, vended logs."""


def tiered(amount: float, tiers: Tiers) -> float:
    """Return what a month's amount costs, in dollars."""
    dollars, below = 0.0, 0.0
    for limit, price in tiers:
        dollars += max(0.0, min(amount, limit) - below) * price
        below = limit
    return dollars


FULL_PROCESSOR_MB = 1769
"""The memory at which a function has one full processor. With less, its share is proportional (AWS Lambda's guide)."""

ROUND_TRIP = 0.005
"""How many seconds a function waits for a response of DynamoDB or SQS.

This is an assumption, not a measurement: both answer in a few milliseconds.
"""


@dataclass(frozen=True)
class Usage:
    """The resources that were used to post a number of actions, from the API to the ledger.

    Attributes:
        actions: the number of distinct actions. A repeat adds to the usage, but not to this number.
        write_units: of DynamoDB, those for receipts included.
        receipt_units: the part of ``write_units`` that is for receipts and their index.
        unmarked_units: what the periods would take of ``write_units`` if their entries had no marks of receipts.
        sqs_requests: billed requests, one for each 64 KB of payload.
        fair_queue_requests: the part of ``sqs_requests`` that goes to a fair queue.
        processor_seconds: processor time of this process, on this machine.
        round_trips: how many responses a function waits for, one after the other.
    """

    actions: int = 0
    api_calls: int = 0
    write_units: float = 0
    receipt_units: float = 0
    unmarked_units: float = 0
    read_units: float = 0
    dynamodb_requests: int = 0
    sqs_requests: int = 0
    fair_queue_requests: int = 0
    invocations: int = 0
    processor_seconds: float = 0
    round_trips: float = 0

    def bill(self, memory_mb: int) -> dict[str, float]:
        """Return dollars per million actions, by what is billed, without API Gateway (see ``api_gateway_dollars``)."""
        seconds = self.processor_seconds * FULL_PROCESSOR_MB / memory_mb + self.round_trips * ROUND_TRIP
        dollars = {
            "writes": self.write_units * WRITE_UNIT,
            "reads": self.read_units * READ_UNIT,
            "sqs": self.sqs_requests * SQS_REQUEST + self.fair_queue_requests * FAIR_QUEUE_REQUEST,
            "lambda": seconds * memory_mb / 1024 * GB_SECOND + self.invocations * INVOCATION,
        }
        return {name: price / self.actions * 1_000_000 for name, price in dollars.items()}

    def api_gateway_dollars(self) -> float:
        """Return what API Gateway costs, in dollars per million actions. More actions in a call make it cheaper."""
        return self.api_calls * API_CALL / self.actions * 1_000_000

    def per_action(self, amount: float) -> float:
        return amount / self.actions


def checks_by_cdn(checks: int, files: float, kilobytes: float) -> float:
    """Return the dollars of checks against the log through CloudFront, each of so many files and kilobytes in all."""
    return checks * (files * CDN_REQUEST + kilobytes / 1e6 * CDN_GB)


def checks_by_bucket(checks: int, files: float, kilobytes: float) -> float:
    """Return the dollars of the same checks if the bucket serves the files itself."""
    return checks * (files * S3_GET + kilobytes / 1e6 * SENT_GB)
