"""Reads YAML files that a person wrote, and knows the line of everything in them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from local.failures import read_text

_VALUE_LIMIT = 60
"""The most characters of a value that an error message repeats."""


class _Loader(yaml.SafeLoader):
    """A SafeLoader that refuses a name that occurs twice in a mapping, and gives each error its line."""

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:  # noqa: ANN401 - as PyYAML has it
        try:
            return super().construct_object(node, deep)
        except ValueError as error:  # such as 2026-02-30, which is written like a day
            value = str(node.value)[:_VALUE_LIMIT] if isinstance(node, yaml.ScalarNode) else ""
            raise yaml.constructor.ConstructorError(None, None, f"{value!r}: {error}", node.start_mark) from None

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        lines: dict[str, int] = {}
        for name, _ in node.value:
            if isinstance(name, yaml.ScalarNode) and name.value in lines and name.tag != "tag:yaml.org,2002:merge":
                first = f"{name.value[:_VALUE_LIMIT]!r} is there twice, first in line {lines[name.value]}"
                raise yaml.constructor.ConstructorError(None, None, first, name.start_mark)
            lines[str(name.value)] = name.start_mark.line + 1
        return super().construct_mapping(node, deep)


class YamlFile:
    """A file with a mapping of identifiers to documents.

    Attributes:
        documents: the mapping.

    Raises:
        ValueError: it cannot be read, or it has no mapping. The message names the file and the line.
    """

    def __init__(self, file: Path, what: str) -> None:
        self._file = file
        text = read_text(file)
        try:
            self._root, documents = _parsed(text)
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            place = f":{mark.line + 1}" if mark else ""
            raise ValueError(f"{file}{place}: is not YAML: {error.problem}") from None
        except yaml.reader.ReaderError as error:
            line = text[: error.position].count("\n") + 1
            raise ValueError(f"{file}:{line}: is not YAML: it has the character #x{error.character:04x}") from None
        except RecursionError:
            raise ValueError(f"{file}: is not YAML that can be read: it is nested too deeply") from None
        if not isinstance(documents, dict):
            raise ValueError(f"{file}:1: is not a mapping of {what}")  # noqa: TRY004 - as for every other error
        self.documents: dict[Any, Any] = documents

    def place(self, identifier: object, path: Sequence[str] = ()) -> str:
        """Return the file and the line of a document, or of a field of it if the path leads to one."""
        node, line = self._root, 1
        for name in (str(identifier), *path):
            found = _member(node, name)
            if found is None:
                break
            node, line = found
        return f"{self._file}:{line}"

    def lines(self, identifier: object, faults: Sequence[str], kind: str) -> list[str]:
        """Return a line for each fault of a document, such as ``campaigns.yaml:12: campaigns/x: days: …``."""
        return [
            f"{self.place(identifier, fault.partition(': ')[0].split('.'))}: {kind}/{identifier}: {fault}"
            for fault in faults
        ]


def _parsed(text: str) -> tuple[yaml.Node | None, Any]:
    loader = _Loader(text)
    try:
        root = loader.get_single_node()
        return root, loader.construct_document(root) if root else None
    finally:
        loader.dispose()


def _member(node: yaml.Node | None, name: str) -> tuple[yaml.Node, int] | None:
    """Return a member of a mapping or a list, and the line in which it begins."""
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if key.value == name:
                return value, key.start_mark.line + 1
    if isinstance(node, yaml.SequenceNode) and name.isdecimal() and int(name) < len(node.value):
        member = node.value[int(name)]
        return member, member.start_mark.line + 1
    return None
