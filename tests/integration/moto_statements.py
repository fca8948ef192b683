"""Lets moto run the statements of storage as DynamoDB does. By itself, moto ignores their conditions and parameters."""

from moto.dynamodb.models import DynamoDBBackend

from tests import partiql


def batch_execute_statement(backend: DynamoDBBackend, statements: list[partiql.Raw]) -> list[partiql.Raw]:
    """Replace the method of moto's backend with this name."""

    def stored(table: str, key: tuple[str, str]) -> partiql.Raw | None:
        found = backend.get_item(table, {"pk": {"S": key[0]}, "sk": {"S": key[1]}})
        attributes: partiql.Raw | None = found.to_json()["Attributes"] if found else None
        return attributes

    assert partiql.is_batch(statements)
    responses = []
    for statement in statements:
        table, response, item = partiql.run(statement, stored)
        if item:
            backend.put_item(table, item, overwrite=True)
        responses.append(response)
    return responses
