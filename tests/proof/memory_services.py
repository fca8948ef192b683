"""The parts of S3 and EventBridge that planting uses, in memory."""

from typing import Any

Raw = dict[str, Any]


class MemoryS3:
    """One bucket. It fails the test if an object is written again with different bytes."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}

    def put_object(self, **put: Any) -> Raw:  # noqa: ANN401 - as boto3 takes them
        known = self.objects.setdefault(put["Key"], put["Body"])
        assert known == put["Body"], f"{put['Key']} was written again with different bytes"
        return {}


class MemoryEventBridge:
    """A bus that keeps every event it receives, duplicates included."""

    def __init__(self) -> None:
        self.events: list[Raw] = []

    def put_events(self, **put: Any) -> Raw:  # noqa: ANN401 - as boto3 takes them
        self.events += put["Entries"]
        return {"FailedEntryCount": 0, "Entries": [{"EventId": "e"} for _ in put["Entries"]]}
