"""Start MiniStack with corrections of eleven faults. The interpreter is MiniStack's own.

MiniStack 1.5.33 differs from AWS in three ways that matter to accrual, and in eight that matter to operators:

- A write by PartiQL does not appear in the stream of its table. So the public totals would stay empty, and repeated ids
  would not be found.
- It checks a batch of statements as the action ``dynamodb:BatchExecuteStatement`` on all resources, which AWS does not
  have. AWS checks each statement as ``PartiQLInsert``, ``PartiQLUpdate``, ``PartiQLDelete`` or ``PartiQLSelect`` on its
  table, and so does MiniStack with this correction.
- One thread reads queues and streams, and waits while a function has a batch of a stream. So no queue was read
  meanwhile. AWS reads each source independently. With this correction, all streams together have a thread of their
  own. So a batch of one stream still keeps the others waiting: TallyImpact and PublishCatalog get nothing while
  FindRepeats has a batch.
- A query of log lines fails if a function writes lines at the same time. With this correction, it is run again.
- Cognito lacks the calls that add, list and delete the secrets of a client, and takes only the first secret for a
  token. With this correction, a client has one secret or two, and gets tokens with each.
- If a function cannot be imported, it tells only the text of the error, such as ``'TIME_ZONE'``. With this correction,
  it tells the traceback, as AWS does, which has the type of the error, the file and the line.
- It prints what a function logs, but not if API Gateway called the function. With this correction, it does.
- It waits 50 ms for the log of an invocation, and loses it if the machine is busy. With this correction, the worker
  marks the end of its log, and MiniStack reads up to the mark.
- The workers of a version of a function that CloudFormation has deleted stay, idle, so that each deployment would leave
  25 processes behind. With this correction, each of them ends when its last request is answered, as on AWS.
- What is invoked asynchronously through an alias is repeated, and loses its dead letter, because the settings of the
  alias are not looked up. With this correction, they hold.
- CloudFormation protects a table whose ``DeletionProtectionEnabled`` is the text ``false`` of a parameter. With this
  correction, it reads the text, as on AWS.

Besides, each worker gets the clock of the stack (local/worker_clock.py), which may be ahead of that of this machine.
MiniStack's own clock, and so those of queues, tokens and logs, is never moved.

MiniStack also parses each statement of a batch twice, and evaluates the policies for each statement. Here, the second
time gets the result of the first, and each permission is evaluated once. So a write takes less processor time.
MiniStack still checks and runs each statement itself.

It also unpacks the layers anew for each worker: 2,900 files, which take most of the time of a cold start. Here, all
workers share one unpacked copy of each version of a layer. On AWS, too, a function cannot change its layers.
"""

import json
import os
import re
import time
from collections import deque
from collections.abc import Callable
from functools import lru_cache
from importlib import import_module
from io import BytesIO
from pathlib import Path
from queue import Empty
from tempfile import mkdtemp
from threading import Event, Lock, Thread
from typing import Any
from zipfile import ZipFile

_TABLE = re.compile(
    r"\s*(INSERT\s+INTO|UPDATE|DELETE\s+FROM|SELECT\b.*?\bFROM)\s+\"?([\w.-]+)", re.IGNORECASE | re.DOTALL
)


_END_OF_LOG = "\x04"
"""The line at the end of the log of an invocation. A log line of the functions is JSON, and a print of them is text."""

_PROTECTION = "DeletionProtectionEnabled"
"""The property of a table that CloudFormation reads from a text or from a boolean."""

_LOOK_SECONDS = 0.2
"""How often it is looked whether a worker that says nothing has ended."""


def main() -> None:
    dynamodb, iam = import_module("ministack.services.dynamodb"), import_module("ministack.core.iam_actions")
    for name in ("_partiql_insert", "_partiql_update"):
        setattr(dynamodb, name, _with_stream(dynamodb, getattr(dynamodb, name)))
    dynamodb._parse_partiql = parsing_once(dynamodb._parse_partiql)  # type: ignore[attr-defined] # noqa: SLF001
    keywords = import_module("ministack.services._dynamodb_keywords")
    keywords._tokenize = lru_cache(keywords._tokenize)  # type: ignore[attr-defined] # noqa: SLF001
    iam.dynamodb_transaction_checks = _with_statements(iam, iam.dynamodb_transaction_checks)  # type: ignore[attr-defined]
    functions = import_module("ministack.services.lambda_svc")
    functions._poll_dynamodb_streams = in_own_thread(functions._poll_dynamodb_streams)  # type: ignore[attr-defined] # noqa: SLF001
    functions._execute_function_with_config_scope = telling_logs(  # type: ignore[attr-defined] # noqa: SLF001
        functions._execute_function_with_config_scope,  # noqa: SLF001
        functions.logger.info,
    )
    functions.invoke_async_with_retry = with_settings_of_alias(  # type: ignore[attr-defined]
        functions.invoke_async_with_retry,
        lambda name, alias: functions._event_invoke_config(functions._functions[name], alias),  # noqa: SLF001
    )
    logs = import_module("ministack.services.cloudwatch_logs")
    logs._start_query = while_others_write(logs._start_query)  # type: ignore[attr-defined] # noqa: SLF001
    add_secrets(import_module("ministack.services.cognito"))
    workers = import_module("ministack.core.lambda_runtime")
    program = with_traceback(workers._PYTHON_WORKER_SCRIPT)  # noqa: SLF001
    program = with_clock(with_end_of_log(program), os.environ.pop("SAXAUL_CLOCK"))
    workers._PYTHON_WORKER_SCRIPT = program  # type: ignore[attr-defined] # noqa: SLF001
    workers.Worker._drain_stderr_bounded = log_of_invocation  # noqa: SLF001
    kinds = import_module("ministack.services.cloudformation.provisioners")._RESOURCE_HANDLERS  # noqa: SLF001
    kinds["AWS::Lambda::Version"]["delete"] = ending_workers(kinds["AWS::Lambda::Version"]["delete"], workers)
    for change in ("create", "update"):
        kinds["AWS::DynamoDB::Table"][change] = reading_protection(kinds["AWS::DynamoDB::Table"][change])
    spawn = workers.Worker._spawn  # noqa: SLF001
    workers.Worker._spawn = with_shared_layers(spawn, functions._resolve_layer_zip)  # noqa: SLF001
    import_module("ministack.app").main()


def with_traceback(program: str) -> str:
    """Return the program of a worker, but with the traceback if a function cannot be imported, and not only its text.

    Raises:
        ValueError: the program of this release of MiniStack has another form.
    """
    told = '{"status": "error", "error": str(e)}'
    if program.count(told) != 1:
        raise ValueError("MiniStack reports a failed import in another form now")
    return program.replace(told, '{"status": "error", "error": traceback.format_exc()}')


def with_clock(program: str, file: str) -> str:
    """Return the program of a worker, but with the clock that is as far ahead of this machine's as the file says."""
    moving = Path(__file__).with_name("worker_clock.py").read_text("utf-8")
    return f"{moving}\n\ninstall({file!r})\n\n{program}"


def with_end_of_log(program: str) -> str:
    """Return the program of a worker, but with a line at the end of the log of each invocation, before it answers.

    Raises:
        ValueError: the program of this release of MiniStack has another form.
    """
    answers = "        _real_stdout.flush()\n\nrun()\n"
    if not program.endswith(answers):
        raise ValueError("MiniStack answers in another form now")
    marks = f"        sys.stderr.write({_END_OF_LOG + chr(10)!r})\n        sys.stderr.flush()\n"
    return program.removesuffix(answers) + marks + answers


def log_of_invocation(worker: Any) -> str:  # noqa: ANN401 - MiniStack's own
    """Return the lines that a worker has logged up to the end of its invocation, or up to its own end."""
    lines: list[str] = []
    while True:
        has_ended = not worker._stderr_thread.is_alive()  # noqa: SLF001 - then no line follows those in the queue
        try:
            line = worker._stderr_queue.get(timeout=0 if has_ended else _LOOK_SECONDS)  # noqa: SLF001
        except Empty:
            if has_ended:
                break
            continue
        if line == _END_OF_LOG:
            break
        lines.append(line)
    return "\n".join(lines)


def telling_logs(call: Callable[[Any, Any], Any], tell: Callable[..., None]) -> Callable[[Any, Any], Any]:
    """Return a function that calls a function of Lambda, and tells what it logged."""

    def called(function: Any, event: Any) -> Any:  # noqa: ANN401 - MiniStack's own
        result = call(function, event)
        if log := result.get("log"):
            tell("Lambda %s output:\n%s", function["config"]["FunctionName"], log)
        return result

    return called


def with_settings_of_alias(
    invoke: Callable[[Any, Any], None], settings_of: Callable[[str, str], Any]
) -> Callable[[Any, Any], None]:
    """Return a function that invokes a function asynchronously, with the settings of the alias if it has one.

    Args:
        invoke: MiniStack's own. It gets the record of a version, which has no settings, and the event.
        settings_of: returns the retries and destinations of an alias of a function, or None.
    """

    def invoked(record: Any, event: Any) -> None:  # noqa: ANN401 - MiniStack's own
        name, *alias = record["config"]["FunctionArn"].split(":")[6:]
        settings = settings_of(name, alias[0]) if alias else None
        invoke({**record, "event_invoke_config": settings} if settings else record, event)

    return invoked


def ending_workers(delete: Callable[[str, Any], Any], workers: Any) -> Callable[[str, Any], Any]:  # noqa: ANN401
    """Return a function that deletes a version of a function, and lets its workers end when they are not in use.

    Args:
        delete: MiniStack's own. It gets the ARN of the version, and the properties of its resource.
        workers: the module that starts and ends workers.
    """

    def deleted(version_arn: str, properties: Any) -> Any:  # noqa: ANN401 - MiniStack's own
        result = delete(version_arn, properties)
        region, account, _, function, version = version_arn.split(":")[3:]
        with workers._lock:  # noqa: SLF001
            found = workers._workers.pop(f"{account}:{region}:{function}:{version}", [])  # noqa: SLF001
        Thread(target=_end_when_idle, args=(found, workers.kill_workers), daemon=True).start()
        return result

    return deleted


def reading_protection(change: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that makes or changes a table, and reads the text of its property for protection."""

    def read(argument: Any) -> Any:  # noqa: ANN401 - properties, or another argument of MiniStack
        found = argument.get(_PROTECTION) if isinstance(argument, dict) else None
        return {**argument, _PROTECTION: found == "true"} if isinstance(found, str) else argument

    return lambda *arguments, **named: change(*map(read, arguments), **{name: read(one) for name, one in named.items()})


def _end_when_idle(found: list[Any], end: Callable[[list[Any]], None]) -> None:
    while found:
        idle = [worker for worker in found if not worker.in_use]
        end(idle)
        found = [worker for worker in found if worker not in idle]
        if found:
            time.sleep(0.1)


def with_shared_layers(
    spawn: Callable[[Any], None], content_of: Callable[[Any], bytes | None]
) -> Callable[[Any], None]:
    """Return a function that starts a worker with layers that are unpacked once, for all workers.

    Args:
        spawn: MiniStack's own, which unpacks the layers that the worker's configuration names. It puts the variables
            of the configuration into the worker's environment, which tells the worker where its layers are.
        content_of: returns the zip file of a layer, or None if it is empty.
    """
    folders: dict[str, str] = {}
    unpacking = Lock()

    def folder_of(layer: Any) -> str | None:  # noqa: ANN401 - MiniStack's own
        arn = layer if isinstance(layer, str) else layer["Arn"]
        with unpacking:
            if arn not in folders:
                content = content_of(layer)
                if content is None:
                    return None
                folder = mkdtemp(prefix="layer-")
                with ZipFile(BytesIO(content)) as packed:
                    packed.extractall(folder)
                folders[arn] = folder
            return folders[arn]

    def spawned(worker: Any) -> None:  # noqa: ANN401 - MiniStack's own
        whole = worker.config
        found = filter(None, map(folder_of, whole.get("Layers", [])))
        variables = whole.get("Environment", {}).get("Variables", {}) | {"_LAMBDA_LAYERS_DIRS": os.pathsep.join(found)}
        worker.config = whole | {"Layers": [], "Environment": {"Variables": variables}}
        try:
            spawn(worker)
        finally:
            worker.config = whole

    return spawned


def _with_stream(dynamodb: Any, write: Callable[..., Any]) -> Callable[..., Any]:  # noqa: ANN401 - a module
    """Return a function of MiniStack that runs a statement, but adds its change to the stream."""

    def written(table: Any, parsed: Any, *others: Any) -> Any:  # noqa: ANN401 - MiniStack's own arguments
        before = _item_of(dynamodb, table, parsed)
        answer = write(table, parsed, *others)
        after = _item_of(dynamodb, table, parsed)
        if after is not before:
            dynamodb._emit_stream_event(parsed["table"], "MODIFY" if before else "INSERT", before, after)  # noqa: SLF001
        return answer

    return written


def _item_of(dynamodb: Any, table: Any, parsed: Any) -> Any:  # noqa: ANN401
    """Return the item that a statement writes, as it is stored now. MiniStack replaces items, and changes none."""
    if parsed["op"] == "INSERT":
        item = parsed["item"].get("M", parsed["item"])
        pk, sk = (dynamodb._extract_key_val(item.get(table[name])) for name in ("pk_name", "sk_name"))  # noqa: SLF001
    else:
        pk, sk, *_ = dynamodb._partiql_key_target(table, parsed)  # noqa: SLF001
    return table["items"].get(pk, {}).get(sk)


def parsing_once(parse: Callable[[str, Any], Any]) -> Callable[[str, Any], Any]:
    """Return a parser of statements that returns its last result if it is called again with the same two objects.

    MiniStack parses each statement of a batch, and again when it runs the statement, before it parses the next one.
    """
    last: tuple[Any, Any, Any] = (None, None, None)

    def parsed(statement: str, parameters: Any) -> Any:  # noqa: ANN401 - MiniStack's own
        nonlocal last
        if statement is not last[0] or parameters is not last[1]:
            last = (statement, parameters, parse(statement, parameters))
        return last[2]

    return parsed


def _with_statements(iam: Any, checks: Callable[..., Any]) -> Callable[..., Any]:  # noqa: ANN401 - a module
    """Return MiniStack's list of the permissions that a request needs, but with those of a batch of statements."""

    def needed(iam_action: str, body: bytes, region: str, account_id: str) -> Any:  # noqa: ANN401
        if iam_action != "dynamodb:BatchExecuteStatement":
            return checks(iam_action, body, region, account_id)
        found = [_TABLE.match(statement["Statement"]) for statement in json.loads(body)["Statements"]]
        actions = [(f"dynamodb:PartiQL{one[1].split()[0].capitalize()}", one[2]) for one in found if one]
        # MiniStack evaluates the policies for each permission, so each one is named once.
        return [
            (action, iam._dynamodb_table_arn(table, region, account_id))  # noqa: SLF001
            for action, table in dict.fromkeys(actions)
        ]

    return needed


_QUERY_ATTEMPTS = 20
"""How often a query is run that others disturb."""


def while_others_write(query: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that runs a query again if what it reads was changed meanwhile by another thread."""

    def run(*arguments: Any) -> Any:  # noqa: ANN401 - MiniStack's own
        for _ in range(_QUERY_ATTEMPTS - 1):
            try:
                return query(*arguments)
            except RuntimeError:  # a dictionary changed while it was read
                time.sleep(0.01)
        return query(*arguments)

    return run


def add_secrets(cognito: Any) -> None:  # noqa: ANN401 - a module
    """Add the calls for the secrets of clients to MiniStack's Cognito, and let its token endpoint take each secret."""
    calls = {
        "AddUserPoolClientSecret": _add_secret,
        "ListUserPoolClientSecrets": _list_secrets,
        "DeleteUserPoolClientSecret": _delete_secret,
    }
    dispatch, authenticate = cognito._dispatch_idp, cognito._authenticate_client  # noqa: SLF001

    async def dispatched(action: str, data: dict[str, Any]) -> Any:  # noqa: ANN401 - MiniStack's own
        return _answer(cognito, calls[action], data) if action in calls else await dispatch(action, data)

    def authenticated(headers: Any, form: Any) -> tuple[str, str]:  # noqa: ANN401 - MiniStack's own
        """Return the id of a client and a secret: in place of each valid secret, the one that MiniStack knows."""
        client_id, secret = authenticate(headers, form)
        _, pool, client = cognito._find_pool_by_client_id(client_id)  # noqa: SLF001
        if client and any(secret == known["ClientSecretValue"] for known in _secrets(pool, client)):
            return client_id, client["ClientSecret"]
        return client_id, secret

    cognito._dispatch_idp, cognito._authenticate_client = dispatched, authenticated  # noqa: SLF001


def _answer(cognito: Any, call: Callable[..., Any], data: dict[str, Any]) -> Any:  # noqa: ANN401 - MiniStack's own
    pool, error = cognito._resolve_pool(data.get("UserPoolId"))  # noqa: SLF001
    if error:
        return error
    client = pool["_clients"].get(data.get("ClientId"))
    if not client:
        return cognito.error_response_json("ResourceNotFoundException", "The client does not exist.", 400)
    try:
        return cognito.json_response(call(cognito, pool, client, data))
    except _RefusedError as refused:
        return cognito.error_response_json(*refused.args, 400)


class _RefusedError(Exception):
    """The code and the message of an error of Cognito."""


def _secrets(pool: Any, client: Any) -> list[dict[str, Any]]:  # noqa: ANN401 - MiniStack's own
    """Return the secrets of a client, oldest first. At first, it has the one with which it was made."""
    known: dict[str, list[dict[str, Any]]] = pool.setdefault("_client_secrets", {})
    if client["ClientId"] not in known and client.get("ClientSecret"):
        known[client["ClientId"]] = [_secret(client, client["ClientSecret"], client["CreationDate"])]
    return known.get(client["ClientId"], [])


def _secret(client: Any, value: str, created_at: float) -> dict[str, Any]:  # noqa: ANN401 - MiniStack's own
    return {
        "ClientSecretId": f"{client['ClientId']}--{int(created_at * 1000)}",
        "ClientSecretValue": value,
        "ClientSecretCreateDate": created_at,
    }


def _add_secret(cognito: Any, pool: Any, client: Any, data: Any) -> Any:  # noqa: ANN401 - MiniStack's own
    known = _secrets(pool, client)
    if not known:
        raise _RefusedError("InvalidParameterException", "The client has no secret.")
    if len(known) > 1:
        raise _RefusedError("LimitExceededException", "The client has two secrets, which is the most.")
    made = _secret(client, data.get("ClientSecret") or cognito._client_secret(), time.time())  # noqa: SLF001
    known.append(made)
    return {"ClientSecretDescriptor": made}


def _list_secrets(_: Any, pool: Any, client: Any, __: Any) -> Any:  # noqa: ANN401 - MiniStack's own
    shown = ("ClientSecretId", "ClientSecretCreateDate")
    return {"ClientSecrets": [{name: known[name] for name in shown} for known in _secrets(pool, client)]}


def _delete_secret(_: Any, pool: Any, client: Any, data: Any) -> Any:  # noqa: ANN401 - MiniStack's own
    known = _secrets(pool, client)
    left = [secret for secret in known if secret["ClientSecretId"] != data.get("ClientSecretId")]
    if len(left) == len(known):
        raise _RefusedError("ResourceNotFoundException", "The secret does not exist.")
    if not left:
        raise _RefusedError("InvalidParameterException", "The last secret of a client cannot be deleted.")
    known[:] = left
    client["ClientSecret"] = left[0]["ClientSecretValue"]
    return {}


def in_own_thread(poll: Callable[[], bool]) -> Callable[[], bool]:
    """Return a function that lets another thread read the streams, until nothing is left, and does not wait for it.

    MiniStack calls it when a source may have something new, and at least once a second. It returns whether the other
    thread has found something since the last call: if not, MiniStack pauses before it looks at its sources again. It
    raises an error that the other thread met, which MiniStack logs.
    """
    wanted, found, errors = Event(), Event(), deque[Exception]()

    def run() -> None:
        while wanted.wait():
            wanted.clear()
            try:
                while poll():
                    found.set()
            except Exception as error:  # noqa: BLE001 - raised again in MiniStack's thread
                errors.append(error)

    def polled() -> bool:
        wanted.set()
        if errors:
            raise errors.popleft()
        has_found = found.is_set()
        found.clear()
        return has_found

    Thread(target=run, daemon=True).start()
    return polled


if __name__ == "__main__":
    main()
