"""The messages of the package's errors, as its source writes them: templates with … where something is filled in."""

from __future__ import annotations

import ast
import itertools
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.conftest import ROOT

PACKAGE = ROOT / "rag_pipeline"
HOLE = "…"
# Below so many letters a template is no more than what is filled in.
_LEAST = 6
# What raises an error with a text that it was given: the functions of the package that make such texts. None of them:
# the text is the message of another error of the package, which is among the templates itself.
_PASSED_ON = {
    "cli/query.py: file": (),
    "cli/warm.py: said['message']": (),
    "documents/readers/json_records.py: bad[0][1]": ("_problem",),
    "documents/sandbox.py: answer['error']": (),
    "documents/encodings.py: refused": ("_told",),
    "embeddings/local/transformer.py: recipe.refusal": ("_reasons", "_incomplete"),
    "embeddings/gemini/embeddings.py: reason": (),
    "ingestion/ray/stages.py: type(error).__name__": (),
    "integration/validation.py: problem": ("row_problem",),
    "retrieval/searcher.py: damage": ("problem_of_files",),
    "store/embedded/rows.py: self.damage": ("damage_of",),
}
_OF_SETTINGS = ("config/problems.py:_describe_one",)


@dataclass(frozen=True)
class Message:
    """One message: the class of its error, its template, and where it stands."""

    kind: str
    template: str
    place: str


def letters(text: str) -> int:
    """How many letters and digits a template or phrase has of its own."""
    return sum(character.isalnum() for character in text)


def error_classes() -> dict[str, int]:
    """Every class of the tree of errors, with its exit code."""
    classes: dict[str, tuple[list[str], int | None]] = {}
    for _, tree in _sources():
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef):
                codes = [
                    statement.value.value
                    for statement in node.body
                    if isinstance(statement, ast.Assign)
                    and isinstance(statement.targets[0], ast.Name)
                    and statement.targets[0].id == "exit_code"
                    and isinstance(statement.value, ast.Constant)
                ]
                bases = [base.id for base in node.bases if isinstance(base, ast.Name)]
                classes[node.name] = (bases, codes[0] if codes else None)

    def code(name: str) -> int | None:
        bases, own = classes.get(name, ([], None))
        if name == "RagPipelineError" or own is not None:
            return own
        return next((found for base in bases if (found := code(base)) is not None), None)

    return {name: found for name in classes if (found := code(name)) is not None}


def messages() -> list[Message]:
    """Every message that an error of the package is made with."""
    kinds = error_classes()
    functions: dict[str, list[tuple[ast.AST, ast.Module]]] = defaultdict(list)
    for _, tree in _sources():
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                functions[node.name].append((node, tree))
    found = []
    for path, tree in _sources():
        for call, scope in _calls(tree):
            name = call.func.id if isinstance(call.func, ast.Name) else ""
            if name not in kinds or not call.args:
                continue
            argument = call.args[1] if name == "GeminiError" and len(call.args) > 1 else call.args[0]
            reading = _Reading(functions, tree)
            place = f"{path.relative_to(PACKAGE).as_posix()}:{call.lineno}"
            for template in reading.templates(argument, scope):
                if not template:
                    continue
                if letters(template) >= _LEAST:
                    found.append(Message(name, template, place))
                else:
                    found += _passed_on(name, argument, path, place, reading)
    return found


def _passed_on(name: str, argument: ast.expr, path: Path, place: str, reading: _Reading) -> list[Message]:
    expression = argument
    while isinstance(expression, ast.JoinedStr):
        expression = next(part.value for part in expression.values if isinstance(part, ast.FormattedValue))
    key = f"{path.relative_to(PACKAGE).as_posix()}: {ast.unparse(expression)}"
    makers = _OF_SETTINGS if ast.unparse(expression).startswith("describe(") else _PASSED_ON.get(key)
    if makers is None:
        raise AssertionError(f"{place}: say in tests/messages.py where the text of {name} comes from: {key!r}")
    templates = itertools.chain.from_iterable(reading.of_function(*maker.split(":")[::-1]) for maker in makers)
    return [Message(name, template, place) for template in templates if letters(template) >= _LEAST]


def _sources() -> list[tuple[Path, ast.Module]]:
    if not _PARSED:
        for path in sorted(PACKAGE.rglob("*.py")):
            if "testing" not in path.parts:
                _PARSED.append((path, ast.parse(path.read_text("utf-8"))))
    return _PARSED


_PARSED: list[tuple[Path, ast.Module]] = []


def _calls(tree: ast.Module) -> Iterator[tuple[ast.Call, list[ast.AST]]]:
    """Each call, with the functions around it, the innermost first."""

    def walk(node: ast.AST, around: list[ast.AST]) -> Iterator[tuple[ast.Call, list[ast.AST]]]:
        if isinstance(node, ast.Call):
            yield node, around
        inner = [node, *around] if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) else around
        for child in ast.iter_child_nodes(node):
            yield from walk(child, inner)

    return walk(tree, [])


class _Reading:
    """The templates of an expression: followed through names, choices and functions of the package."""

    def __init__(self, functions: dict[str, list[tuple[ast.AST, ast.Module]]], tree: ast.Module) -> None:
        self._functions = functions
        self._tree = tree
        self._under_way: set[str] = set()

    def templates(self, node: ast.AST | None, scope: list[ast.AST]) -> list[str]:  # noqa: PLR0911
        """Every text that an expression may be."""
        match node:
            case ast.Constant(value=str() as text):
                return [text]
            case ast.JoinedStr(values=values):
                filled = "".join(str(part.value) if isinstance(part, ast.Constant) else HOLE for part in values)
                return [filled] if letters(filled) >= _LEAST else self._joined([self._part(v, scope) for v in values])
            case ast.BinOp(left=left, op=ast.Add(), right=right):
                return self._joined([self.templates(left, scope), self.templates(right, scope)])
            case ast.IfExp(body=body, orelse=other):
                return [*self.templates(body, scope), *self.templates(other, scope)]
            case ast.BoolOp(values=values):
                return [text for value in values for text in self.templates(value, scope)]
            case ast.Name(id=name):
                return self._named(name, scope)
            case ast.Call(func=ast.Name(id=name)) if self._is_known(name):
                return self.of_function(name) or [HOLE]
        return [HOLE]

    def of_function(self, name: str, module: str = "") -> list[str]:
        """What a function of this module or, where it has none of that name, of the package returns or yields."""
        if name in self._under_way:
            return []
        self._under_way.add(name)
        found = []
        known = self._functions[name]
        trees = [tree for path, tree in _sources() if module and path.as_posix().endswith(f"/{module}")] or [self._tree]
        for function, _ in [one for one in known if one[1] in trees] or known:
            for node in ast.walk(function):
                if isinstance(node, ast.Return | ast.Yield) and node.value is not None:
                    found += self.templates(node.value, [function])
        self._under_way.discard(name)
        return [text for text in found if text]

    def _is_known(self, name: str) -> bool:
        known = self._functions.get(name, [])
        return len(known) == 1 or any(tree is self._tree for _, tree in known)

    def _part(self, value: ast.expr, scope: list[ast.AST]) -> list[str]:
        return self.templates(value.value if isinstance(value, ast.FormattedValue) else value, scope)

    def _joined(self, parts: list[list[str]]) -> list[str]:
        return ["".join(choice) for choice in itertools.product(*parts)]

    def _named(self, name: str, scope: list[ast.AST]) -> list[str]:
        key = f"name {name} {id(scope[0]) if scope else 0}"
        if key in self._under_way:
            return [HOLE]
        self._under_way.add(key)
        found: list[str] = []
        for place in [*scope, self._tree]:
            for node in ast.walk(place):
                match node:
                    case ast.Assign(targets=[ast.Name(id=target)], value=value) if target == name:
                        found += self.templates(value, scope)
                    case ast.NamedExpr(target=ast.Name(id=target), value=value) if target == name:
                        found += self.templates(value, scope)
                    case ast.For(target=ast.Name(id=target), iter=value) if target == name:
                        found += self.templates(value, scope)
            if found:
                break
        self._under_way.discard(key)
        return [text for text in found if text] or [HOLE]
