"""The structured logger of all functions. Each invocation logs one line; in place_orders, each message logs one."""

from aws_lambda_powertools import Logger

logger = Logger(service="saxaul")
