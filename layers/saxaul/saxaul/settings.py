"""The settings of a Lambda function. They are read from its environment variables once per process."""

import os
from collections.abc import Mapping
from datetime import time
from functools import cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

from saxaul.catalog.calendar import CATALOG_DELAY, Calendar


class Settings(NamedTuple):
    """The settings of a function, as template.yaml declares them.

    A setting that the function does not need is empty.
    ``operator_client`` is the client id of the operator, whom the template creates; apps and partners are registered.
    ``catalog_delay`` is how many seconds after it was written a change of a catalog entry takes effect.
    ``erasure_delay`` is how many seconds an erasure waits before it deletes.
    ``files_url`` is the address of the files bucket, in which the log is public, without a slash at the end.
    ``log_origin`` names the log in its checkpoints, and ``witnesses`` those that cosign them, like the parameters.
    ``release`` names the version of the layer with our code. It differs if any of our code in the layer differs.
    """

    ledger_table: str
    catalog_table: str
    catalog_bucket: str
    activity_table: str
    user_pool: str
    operator_client: str
    action_queue_url: str
    redemption_queue_url: str
    planting_queue_url: str
    log_queue_url: str
    checkpoint_queue_url: str
    erase_queue_url: str
    manifest_bucket: str
    upload_bucket: str
    export_bucket: str
    files_bucket: str
    files_url: str
    log_origin: str
    witnesses: str
    bus_name: str
    signing_key: str
    public_url: str
    token_url: str
    calendar: Calendar
    catalog_delay: int
    erasure_delay: int
    release: str

    @classmethod
    def from_env(cls, env: Mapping[str, str]) -> "Settings":
        """Return the settings that the environment variables ``env`` contain.

        Raises:
            KeyError, ValueError: the time zone, the acceptance days or the harvest time is missing or malformed.
        """
        harvest_time = env["HARVEST_TIME"]
        return cls(
            ledger_table=env.get("LEDGER_TABLE", ""),
            catalog_table=env.get("CATALOG_TABLE", ""),
            catalog_bucket=env.get("CATALOG_BUCKET", ""),
            activity_table=env.get("ACTIVITY_TABLE", ""),
            user_pool=env.get("USER_POOL", ""),
            operator_client=env.get("OPERATOR_CLIENT", ""),
            action_queue_url=env.get("ACTION_QUEUE_URL", ""),
            redemption_queue_url=env.get("REDEMPTION_QUEUE_URL", ""),
            planting_queue_url=env.get("PLANTING_QUEUE_URL", ""),
            log_queue_url=env.get("LOG_QUEUE_URL", ""),
            checkpoint_queue_url=env.get("CHECKPOINT_QUEUE_URL", ""),
            erase_queue_url=env.get("ERASE_QUEUE_URL", ""),
            manifest_bucket=env.get("MANIFEST_BUCKET", ""),
            upload_bucket=env.get("UPLOAD_BUCKET", ""),
            export_bucket=env.get("EXPORT_BUCKET", ""),
            files_bucket=env.get("FILES_BUCKET", ""),
            files_url=env.get("FILES_URL", "").replace("{bucket}", env.get("FILES_BUCKET", "")).rstrip("/"),
            log_origin=env.get("LOG_ORIGIN", ""),
            witnesses=env.get("WITNESSES", ""),
            bus_name=env.get("BUS_NAME", ""),
            signing_key=env.get("SIGNING_KEY", ""),
            public_url=env.get("PUBLIC_URL", ""),
            token_url=env.get("TOKEN_URL", ""),
            calendar=Calendar(
                zone=ZoneInfo(env["TIME_ZONE"]),
                acceptance_days=int(env["ACCEPTANCE_DAYS"]),
                harvest_time=None if harvest_time == "at-once" else time.fromisoformat(harvest_time),
            ),
            catalog_delay=int(env.get("CATALOG_DELAY", CATALOG_DELAY)),
            erasure_delay=int(env.get("ERASURE_DELAY", "0")),
            release=env.get("RELEASE", ""),
        )


@cache
def settings() -> Settings:
    """Return the settings of this process."""
    return Settings.from_env(os.environ)
