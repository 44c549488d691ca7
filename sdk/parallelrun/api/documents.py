"""YAML as the API server reads it, with line numbers.

PyYAML's own loader forgets where a value stood, lets a repeated key win silently, and makes dates and base-60 numbers
of plain text, which ``kubectl`` does not. So documents are built here from PyYAML's nodes: errors can name a line, and
a value means the same on a laptop as in a cluster.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml

from parallelrun.api.problems import NOTHING, Path, Problem, report

MAX_DEPTH = 100  # PyYAML's composer calls itself for each level, and a deep enough file would end the process
MAX_VALUES = 1_000_000  # a few hundred bytes of YAML aliases can stand for billions of values
_MERGE = "tag:yaml.org,2002:merge"
_PLAIN_SENTENCES = (
    (r"character '\\t' that cannot start", "a tab stands where YAML wants spaces"),
    (r"mapping values are not allowed", "a ':' stands where none may be: is the line indented as its neighbours are, "
     "and is text with ': ' in it in quotes?"),
    (r"could not find expected ':'", "a ':' is missing, or a quote before this line was not closed"),
    (r"did not find expected key", "this line does not belong to the lines above it: is it indented as they are, "
     "and is every quote before it closed?"),
    (r"did not find expected '-' indicator", "a '-' is missing, or the line is indented too little"),
    (r"did not find expected ',' or '\]'", "a '[' is not closed, or a ',' is missing"),
    (r"did not find expected ',' or '}'", "a '{' is not closed, or a ',' is missing"),
    (r"did not find expected node content", "a '[' or '{' is not closed, or a value is missing"),
    (r"unexpected end of stream", "a quote is not closed"),
    (r"unexpected character|special characters are not allowed|control characters", "a character that YAML does not "
     "allow, such as a control character"),
    (r"undefined alias", "an alias (*name) without its anchor (&name)"),
    (r"found undefined tag|could not determine a constructor", "a tag (!name) that is not known"),
)  # fmt: skip


@dataclass(frozen=True)
class Document:
    """One YAML document: its value, and its nodes for finding lines."""

    value: Any
    node: yaml.Node

    @property
    def line(self) -> int:
        """Where it starts, counted from 1."""
        return int(self.node.start_mark.line) + 1

    def line_of(self, path: Path) -> int:
        """Where the value at ``path`` stands, or the innermost value around it that there is."""
        node, line = self.node, self.line
        for part in path:
            found = _child(node, part)
            if found is None:
                break
            node, line = found
        return line


def _child(node: yaml.Node, part: str | int) -> tuple[yaml.Node, int] | None:
    if isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
        item = node.value[part]
        return item, item.start_mark.line + 1
    if isinstance(node, yaml.MappingNode):
        for key, value in reversed(node.value):
            if key.value == part:
                return value, key.start_mark.line + 1
    return None


def read_documents(text: str, name: str) -> list[Document]:
    """Every document of ``text`` that is not empty. Raises ManifestError; ``name`` is what it calls the file."""
    problems: list[Problem] = []
    documents = []
    try:
        _check_depth(text)
        for node in yaml.compose_all(text, Loader=_LOADER):
            builder = _Builder(problems)
            document = Document(builder.build(node, ()), node)
            if document.value is not None:
                documents.append(document)
    except yaml.YAMLError as error:
        raise report(name, [*problems, _syntax_problem(error, text)]) from None
    if problems:
        raise report(name, problems)
    return documents


_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def _check_depth(text: str) -> None:
    depth = 0
    for event in yaml.parse(text, Loader=_LOADER):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > MAX_DEPTH:
                mark: Any = event.start_mark  # the C parser's, which its stubs keep apart
                problem = f"more than {MAX_DEPTH} lists and objects inside each other"
                raise yaml.constructor.ConstructorError(problem=problem, problem_mark=mark)
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1


def _syntax_problem(error: yaml.YAMLError, text: str) -> Problem:
    said = str(getattr(error, "problem", "") or getattr(error, "reason", "") or error)
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    if "quoted scalar" in str(getattr(error, "context", "")):
        mark = getattr(error, "context_mark", mark)  # where the quote is opened: its end can be anywhere
    position = getattr(error, "position", None)
    line = mark.line + 1 if mark else text.count("\n", 0, position) + 1 if isinstance(position, int) else 1
    sentence = next((plain for pattern, plain in _PLAIN_SENTENCES if re.search(pattern, said)), said)
    lines = text.splitlines()
    if mark and "cannot start any token" in said and text[mark.index : mark.index + 1] == "\t":
        sentence = "a tab stands where YAML wants spaces"
    shown = lines[line - 1].strip()[:80] if line <= len(lines) else NOTHING
    return Problem((), f"not YAML: {sentence}", line=line, value=shown)


class _Builder:
    """Makes plain values of one document's nodes."""

    def __init__(self, problems: list[Problem]) -> None:
        self._problems = problems
        self._open: set[int] = set()
        self._count = 0

    def build(self, node: yaml.Node, path: Path) -> Any:
        self._count += 1
        if id(node) in self._open or self._count > MAX_VALUES:
            raise yaml.constructor.ConstructorError(problem="aliases (*name) that stand for an endless value",
                                                    problem_mark=node.start_mark)  # fmt: skip
        if isinstance(node, yaml.ScalarNode):
            return _scalar(node)
        self._open.add(id(node))
        try:
            if isinstance(node, yaml.SequenceNode):
                return [self.build(item, (*path, index)) for index, item in enumerate(node.value)]
            assert isinstance(node, yaml.MappingNode)
            return dict(self._pairs(node, path))
        finally:
            self._open.discard(id(node))

    def _pairs(self, node: yaml.MappingNode, path: Path) -> Iterator[tuple[str, Any]]:
        for key, value in node.value:  # merged keys first: a mapping's own keys win
            if key.tag == _MERGE:
                yield from self._merged(value, path)
        lines: dict[str, int] = {}
        for key, value in node.value:
            if key.tag == _MERGE:
                continue
            name, line = str(key.value), key.start_mark.line + 1
            if name in lines:
                rule = f"is given twice, first on line {lines[name]}: delete one of the two"
                self._problems.append(Problem((*path, name), rule, line=line))
            lines[name] = line
            yield name, self.build(value, (*path, name))

    def _merged(self, node: yaml.Node, path: Path) -> Iterator[tuple[str, Any]]:
        for part in reversed(node.value) if isinstance(node, yaml.SequenceNode) else [node]:
            value = self.build(part, path)
            yield from value.items() if isinstance(value, dict) else ()


_INT = re.compile(r"[-+]?(0|[1-9][0-9_]*|0x[0-9a-fA-F_]+|0o?[0-7_]+|0b[01_]+)$")


def _scalar(node: yaml.ScalarNode) -> Any:
    kind = node.tag.rpartition(":")[2]
    text = str(node.value)
    if kind == "null":
        return None
    if kind == "bool":
        return text.lower() in ("true", "yes", "on")
    if kind == "int" and _INT.match(text):
        return _integer(text.replace("_", ""))
    if kind == "float" and ":" not in text:
        return float(re.sub(r"^([-+]?)\.(inf|nan)$", r"\1\2", text.replace("_", ""), flags=re.IGNORECASE))
    return text


def _integer(text: str) -> int:
    digits = text.lstrip("+-")
    value = int(digits, 8) if re.fullmatch(r"0[0-7]+", digits) else int(digits, 0)
    return -value if text.startswith("-") else value


def parse_value(text: str) -> Any:
    """One value, as ``--set`` takes it. Raises yaml.YAMLError."""
    _check_depth(text)
    node = yaml.compose(text, Loader=_LOADER)
    return None if node is None else _Builder([]).build(node, ())
