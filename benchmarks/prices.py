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
"""

from dataclasses import dataclass

REGION = "us-east-1"
AS_OF = "2026-11-24"

WRITE_UNIT = 0.625e-6
READ_UNIT = 0.125e-6
SQS_REQUEST = 0.40e-6
FAIR_QUEUE_REQUEST = 0.10e-6
GB_SECOND = 0.0000133334
INVOCATION = 0.20e-6
API_CALL = 3.50e-6

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
        sqs_requests: billed requests, one for each 64 KB of payload.
        fair_queue_requests: the part of ``sqs_requests`` that goes to a fair queue.
        processor_seconds: processor time of this process, on this machine.
        round_trips: how many responses a function waits for, one after the other.
    """

    actions: int = 0
    api_calls: int = 0
    write_units: float = 0
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
