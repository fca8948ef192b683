"""S3 and EventBridge in memory, as far as planting needs them."""

from typing import Any

Raw = dict[str, Any]


class MemoryS3:
    """One bucket of objects, that notices when one is written again with other bytes."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}

    def put_object(self, **put: Any) -> Raw:  # noqa: ANN401 - as boto3 takes them
        known = self.objects.setdefault(put["Key"], put["Body"])
        assert known == put["Body"], f"{put['Key']} was written again with other bytes"
        return {}


class MemoryEventBridge:
    """A bus that remembers what it was told, repeats included."""

    def __init__(self) -> None:
        self.told: list[Raw] = []

    def put_events(self, **put: Any) -> Raw:  # noqa: ANN401 - as boto3 takes them
        self.told += put["Entries"]
        return {"FailedEntryCount": 0, "Entries": [{"EventId": "e"} for _ in put["Entries"]]}
