"""The structured logger of all functions. They log one line per invocation, but place_orders logs one per message."""

from aws_lambda_powertools import Logger

logger = Logger(service="saxaul")
