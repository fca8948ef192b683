"""Deploys the template to the laptop stack's endpoint, and tells what stands there then."""

from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

import boto3

from local.build import THIS_MACHINE
from local.sam import sam, state

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient

REGION: Final = "ap-southeast-1"
_STACK = "saxaul"
_ARTEFACTS = "saxaul-artefacts"

ADMIN = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": REGION}
"""The emulator's root: it deploys. The functions run under the roles that the template gives them."""

_PARAMETERS = {
    **THIS_MACHINE,
    "AcceptanceDays": "40",  # a month of published trips can be replayed
    "HarvestTime": "at-once",  # nobody at a laptop waits for tomorrow
    "PlantingSchedule": "rate(1 minute)",
    "DeletionProtection": "false",
}
"""What differs from a deployment on AWS."""


class Deployment:
    """The stack behind one endpoint."""

    def __init__(self, endpoint: str) -> None:
        self._endpoint = endpoint
        self._session = session_of(endpoint)

    def deploy(self) -> None:
        """Create the stack, or update it.

        Raises:
            SamError: the deployment failed.
        """
        s3 = boto3.client("s3", **self._session)
        if _ARTEFACTS not in {bucket.get("Name") for bucket in s3.list_buckets()["Buckets"]}:
            s3.create_bucket(Bucket=_ARTEFACTS, CreateBucketConfiguration={"LocationConstraint": REGION})
        address = f"{self._endpoint}/_aws/execute-api/{{api_id}}/v1"
        overrides = [f'{name}="{value}"' for name, value in {**_PARAMETERS, "PublicUrl": address}.items()]
        sam(
            "deploy",
            *("--stack-name", _STACK, "--region", REGION, "--s3-bucket", _ARTEFACTS, "--no-resolve-s3"),
            *("--no-confirm-changeset", "--no-fail-on-empty-changeset", "--no-progressbar"),
            *("--parameter-overrides", *overrides),
            log=state() / "deploy.log",
            env={**ADMIN, "AWS_ENDPOINT_URL": self._endpoint},
        )

    def describe(self) -> dict[str, Any]:
        """What tests, benchmarks and people need to use the stack."""
        pool = self._outputs["UserPoolId"]
        return {
            "api_url": f"{self._endpoint}/_aws/execute-api/{self._outputs['ApiId']}/v1",
            "token_url": f"{self._endpoint}/oauth2/token",
            "region": REGION,
            "endpoint_url": self._endpoint,
            "tables": {"ledger": self._outputs["LedgerTableName"], "catalog": self._outputs["CatalogTableName"]},
            "queues": {
                "actions": self._outputs["ActionQueueUrl"],
                "actions_dead_letter": self._outputs["ActionDeadLetterQueueUrl"],
                "redemptions": self._outputs["RedemptionQueueUrl"],
                "redemptions_dead_letter": self._outputs["RedemptionDeadLetterQueueUrl"],
                "planting": self._outputs["PlantingQueueUrl"],
                "planting_dead_letter": self._outputs["PlantingDeadLetterQueueUrl"],
            },
            "bucket": self._outputs["ManifestBucketName"],
            "bus": self._outputs["BusName"],
            "functions": self._functions,
            "clients": self._clients(pool),
        }

    def function_environments(self) -> dict[str, dict[str, str]]:
        """The environment of each function, for `sam local invoke --env-vars`: an endpoint that a container reaches."""
        client = boto3.client("lambda", **self._session)
        endpoint = self._endpoint.replace("localhost", "host.docker.internal")
        environments = {}
        for logical_id, name in self._functions.items():
            variables = client.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
            environments[logical_id] = {**variables, "AWS_ENDPOINT_URL": endpoint}
        return environments

    def _clients(self, pool: str) -> dict[str, dict[str, Any]]:
        cognito = boto3.client("cognito-idp", **self._session)
        listed = cognito.list_user_pool_clients(UserPoolId=pool, MaxResults=60)["UserPoolClients"]
        clients = {}
        for client_id in (client["ClientId"] for client in listed):
            client = cognito.describe_user_pool_client(UserPoolId=pool, ClientId=client_id)["UserPoolClient"]
            clients[client["ClientName"]] = {
                "client_id": client_id,
                "client_secret": client["ClientSecret"],
                "scopes": client["AllowedOAuthScopes"],
            }
        return clients

    @cached_property
    def _functions(self) -> dict[str, str]:
        """The physical name of each function, by its logical id."""
        resources = self._cloudformation.describe_stack_resources(StackName=_STACK)["StackResources"]
        functions = (resource for resource in resources if resource["ResourceType"] == "AWS::Lambda::Function")
        return {resource["LogicalResourceId"]: resource["PhysicalResourceId"] for resource in functions}

    @cached_property
    def _outputs(self) -> dict[str, str]:
        stack = self._cloudformation.describe_stacks(StackName=_STACK)["Stacks"][0]
        return {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}

    @cached_property
    def _cloudformation(self) -> "CloudFormationClient":
        return boto3.client("cloudformation", **self._session)


def session_of(endpoint: str) -> dict[str, Any]:
    """The arguments of a boto3 client that acts on a laptop stack as its administrator."""
    return {
        "endpoint_url": endpoint,
        "region_name": REGION,
        "aws_access_key_id": ADMIN["AWS_ACCESS_KEY_ID"],
        "aws_secret_access_key": ADMIN["AWS_SECRET_ACCESS_KEY"],
    }
