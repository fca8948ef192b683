"""Counts and deletes what CloudFormation leaves of a stack: tables, buckets, backups, the pool, the key, logs, layers.

Each deletion can be repeated: what is already gone is no error. What is protected is not deleted.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Final, NamedTuple

import boto3
from botocore.exceptions import ClientError

from local.deletions import Resource

KEY_DAYS: Final = 7
"""Days after which KMS deletes the key of a stack. It is the least that KMS allows, and costs nothing meanwhile."""

_GONE = frozenset(
    {
        "ResourceNotFoundException",  # a table, a pool, a log group, a layer, a vault
        "NoSuchBucket",
        "NotFoundException",  # a key
        "404",
    }
)

_PENDING: Final = "PendingDeletion"
"""The state of a key that KMS will delete."""

_BACKUPS_GO_WITHIN: Final = 600
"""Seconds to wait until AWS Backup has deleted the backups of a vault, which must be empty before it is deleted."""

_COUNTED: Final = 100_000
"""The most objects that are counted in a bucket before it is only said that there are more."""


class Leftovers:
    """What is left of the stacks of one account and region."""

    def __init__(self, client_arguments: Mapping[str, Any]) -> None:
        self._client_arguments = client_arguments
        self._kinds: dict[str, _Kind] = {
            "AWS::DynamoDB::Table": _Kind("table", self._items, self._delete_table),
            "AWS::S3::Bucket": _Kind("bucket", self._objects, self._delete_bucket),
            "AWS::Cognito::UserPool": _Kind("user pool", self._clients, self._delete_pool),
            "AWS::KMS::Key": _Kind("signing key", self._state_of_key, self._delete_key),
            "AWS::Logs::LogGroup": _Kind("log group", self._bytes, self._delete_log_group),
            "AWS::Backup::BackupVault": _Kind("backups", self._backups, self._delete_vault),
            "AWS::Lambda::LayerVersion": _Kind("layer", lambda _: "", self._delete_layer),
        }

    def knows(self, resource: Resource) -> bool:
        """Return whether it can be deleted here."""
        return resource.kind in self._kinds

    def about(self, resource: Resource) -> tuple[str, str, str] | None:
        """Return what a resource is, its name, and how much is in it; None if it is gone."""
        kind = self._kinds[resource.kind]
        try:
            return kind.title, resource.name, kind.content(resource.name)
        except ClientError as error:
            if _is_gone(error):
                return None
            raise

    def is_left(self, resource: Resource) -> bool:
        """Return whether there is something of a resource to be deleted. Nothing is of a key that KMS will delete."""
        if self.about(resource) is None:
            return False
        return resource.kind != "AWS::KMS::Key" or self._key(resource.name)["KeyState"] != _PENDING

    def delete(self, resource: Resource) -> str | None:
        """Delete a resource. Return what remains of it for a while, as a clause, or None.

        Raises:
            ClientError, BotoCoreError: AWS refused it, or could not be reached.
        """
        try:
            return self._kinds[resource.kind].delete(resource.name)
        except ClientError as error:
            if _is_gone(error):
                return None
            raise

    def _items(self, table: str) -> str:
        found = self._client("dynamodb").describe_table(TableName=table)["Table"]
        return f"about {found.get('ItemCount', 0):,} items"

    def _delete_table(self, table: str) -> None:
        dynamodb = self._client("dynamodb")
        status = dynamodb.describe_table(TableName=table)["Table"]["TableStatus"]
        if status == "UPDATING":  # DynamoDB refuses to delete it meanwhile
            dynamodb.get_waiter("table_exists").wait(TableName=table, WaiterConfig={"Delay": 2, "MaxAttempts": 300})
        if status != "DELETING":
            dynamodb.delete_table(TableName=table)
        dynamodb.get_waiter("table_not_exists").wait(TableName=table, WaiterConfig={"Delay": 2, "MaxAttempts": 300})

    def _objects(self, bucket: str) -> str:
        number = 0
        for versions in self._versions(bucket):
            number += len(versions)
            if number > _COUNTED:
                return f"more than {_COUNTED:,} objects and older versions"
        return f"{number:,} objects and older versions"

    def _delete_bucket(self, bucket: str) -> None:
        s3 = self._client("s3")
        for versions in self._versions(bucket):
            delete_all(s3, bucket, versions)
        for page in s3.get_paginator("list_multipart_uploads").paginate(Bucket=bucket):
            for upload in page.get("Uploads", []):
                s3.abort_multipart_upload(Bucket=bucket, Key=upload["Key"], UploadId=upload["UploadId"])
        s3.delete_bucket(Bucket=bucket)

    def _versions(self, bucket: str) -> Iterator[list[dict[str, str]]]:
        yield from versions_in(self._client("s3"), bucket)

    def _clients(self, pool: str) -> str:
        pages = self._client("cognito-idp").get_paginator("list_user_pool_clients").paginate(UserPoolId=pool)
        return f"{sum(len(page['UserPoolClients']) for page in pages):,} clients with their secrets"

    def _delete_pool(self, pool: str) -> None:
        cognito = self._client("cognito-idp")
        found = cognito.describe_user_pool(UserPoolId=pool)["UserPool"]
        if domain := found.get("Domain"):
            cognito.delete_user_pool_domain(UserPoolId=pool, Domain=domain)
        cognito.delete_user_pool(UserPoolId=pool)

    def _state_of_key(self, key: str) -> str:
        found = self._key(key)
        if found["KeyState"] == _PENDING:
            return f"is deleted on {_day(found['DeletionDate'])} already"
        return "all certificates of its log are verified with it"

    def _delete_key(self, key: str) -> str:
        if self._key(key)["KeyState"] != _PENDING:
            self._client("kms").schedule_key_deletion(KeyId=key, PendingWindowInDays=KEY_DAYS)
        found = self._key(key)
        return f"the signing key {key}, which KMS deletes on {_day(found['DeletionDate'])}; it costs nothing until then"

    def _key(self, key: str) -> Any:  # noqa: ANN401 - the description of a key
        return self._client("kms").describe_key(KeyId=key)["KeyMetadata"]

    def _bytes(self, name: str) -> str:
        pages = self._client("logs").get_paginator("describe_log_groups").paginate(logGroupNamePrefix=name)
        found = [group for page in pages for group in page["logGroups"] if group["logGroupName"] == name]
        if not found:
            raise ClientError({"Error": {"Code": "ResourceNotFoundException"}}, "DescribeLogGroups")
        return f"{found[0].get('storedBytes', 0):,} bytes"

    def _delete_log_group(self, name: str) -> None:
        self._client("logs").delete_log_group(logGroupName=name)

    def _backups(self, vault: str) -> str:
        self._client("backup").describe_backup_vault(BackupVaultName=vault)
        return f"{sum(1 for _ in self._recovery_points(vault)):,} backups of tables"

    def _recovery_points(self, vault: str) -> Iterator[str]:
        pages = self._client("backup").get_paginator("list_recovery_points_by_backup_vault")
        for page in pages.paginate(BackupVaultName=vault):
            yield from (point["RecoveryPointArn"] for point in page["RecoveryPoints"])

    def _delete_vault(self, vault: str) -> None:
        backup = self._client("backup")
        backup.describe_backup_vault(BackupVaultName=vault)
        deadline = time.monotonic() + _BACKUPS_GO_WITHIN
        for point in list(self._recovery_points(vault)):
            with _ignoring("InvalidResourceStateException"):  # it is being deleted already
                backup.delete_recovery_point(BackupVaultName=vault, RecoveryPointArn=point)
        while any(self._recovery_points(vault)) and time.monotonic() < deadline:
            time.sleep(2)
        backup.delete_backup_vault(BackupVaultName=vault)

    def _delete_layer(self, arn: str) -> None:
        name, _, version = arn.rpartition(":")
        self._client("lambda").delete_layer_version(LayerName=name, VersionNumber=int(version))

    def _client(self, service: str) -> Any:  # noqa: ANN401 - a client of any service
        client: Any = boto3.client  # the type stubs know the names of services as literals only
        return client(service, **self._client_arguments)


class _Kind(NamedTuple):
    """A kind of resource: what people call it, how much is in one, and how one is deleted."""

    title: str
    content: Callable[[str], str]
    delete: Callable[[str], str | None]


def versions_in(s3: Any, bucket: str, prefix: str = "") -> Iterator[list[dict[str, str]]]:  # noqa: ANN401 - a client
    """Yield all versions of the objects below a prefix, and the marks of deleted ones, in groups of up to 1,000."""
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=prefix):
        found = [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
        yield [{"Key": one["Key"], "VersionId": one["VersionId"]} for one in found]


def delete_all(s3: Any, bucket: str, versions: list[dict[str, str]]) -> None:  # noqa: ANN401 - a client
    """Delete versions of objects.

    Raises:
        ClientError: S3 refused it, also if it deleted some of them.
    """
    if not versions:
        return
    answer = s3.delete_objects(Bucket=bucket, Delete={"Objects": versions, "Quiet": True})
    if errors := answer.get("Errors"):
        raise ClientError({"Error": {"Code": errors[0]["Code"], "Message": errors[0]["Message"]}}, "DeleteObjects")


@contextmanager
def _ignoring(code: str) -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        if error.response["Error"].get("Code") != code:
            raise


def _is_gone(error: ClientError) -> bool:
    return error.response["Error"].get("Code") in _GONE


def _day(at: datetime) -> str:
    return f"{at:%Y-%m-%d}"
