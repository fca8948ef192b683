"""Gives the emulator the gateway responses of the template.

A gateway response is an error that API Gateway sends itself, without calling a function. AWS reads gateway responses
from the API's OpenAPI body, into which SAM writes them. The emulator ignores them there. It needs the AWS call
PutGatewayResponse for each, and uses them after the stage is deployed again.
"""

from typing import TYPE_CHECKING, Any

import boto3

from local.template import Properties, parsed, resources

if TYPE_CHECKING:
    from collections.abc import Mapping


def give_gateway_responses(api_id: str, template: str, client_arguments: "Mapping[str, Any]") -> None:
    """Put each gateway response of a template, and deploy the stage again."""
    gateway = boto3.client("apigateway", **client_arguments)
    [api] = resources("AWS::Serverless::Api", parsed(template)).values()
    for kind, response in api["GatewayResponses"].items():
        gateway.put_gateway_response(
            restApiId=api_id,
            responseType=kind,
            responseParameters=_headers(response),
            responseTemplates=response["ResponseTemplates"],
            **({"statusCode": str(response["StatusCode"])} if "StatusCode" in response else {}),
        )
    gateway.create_deployment(restApiId=api_id, stageName=api["StageName"])


def _headers(response: Properties) -> dict[str, str]:
    headers = response["ResponseParameters"]["Headers"]
    return {f"gatewayresponse.header.{name}": value for name, value in headers.items()}
