"""One structured logger for all functions. Each invocation logs one line with what it did."""

from aws_lambda_powertools import Logger

logger = Logger(service="saxaul")
