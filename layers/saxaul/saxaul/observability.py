"""The structured logger of all functions. Each logs one line per invocation; place_orders logs one per message."""

from aws_lambda_powertools import Logger

logger = Logger(service="saxaul")
