"""What counts as a call of the program in test code, and test code freed of importing it.

Purely syntactic; knows no asserts and no files (python_tests.py walks a file, asserts.py reads one
assert)."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterable
from dataclasses import dataclass, replace

_NOT_CANDIDATES = frozenset(sys.stdlib_module_names) | {"pytest", "numpy", "hypothesis"}


@dataclass(frozen=True, slots=True)
class Callee:
    """The program as test code names it.

    names: plain names that are the function; owner and method: `Solution` and `f` of a method;
    instances: names that hold an instance of the owner; modules: aliases of the program's module.
    """

    names: frozenset[str]
    owner: str = ""
    method: str = ""
    instances: frozenset[str] = frozenset()

    @staticmethod
    def of(entry_point: str) -> Callee:
        """The callee of "f" or "Solution.f"; for scripts ("") nothing is a call."""
        owner, _, method = entry_point.rpartition(".")
        if owner:
            return Callee(frozenset(), owner, method)
        return Callee(frozenset({entry_point} if entry_point else ()))

    @property
    def bound(self) -> str:
        """The name that an import of the program would bind."""
        return self.owner or next(iter(self.names), "")

    def also(self, name: str) -> Callee:
        """The same program, also called by this name (the parameter of `check(candidate)`)."""
        return replace(self, names=self.names | {name})

    def with_instances(self, names: Iterable[str]) -> Callee:
        return replace(self, instances=self.instances | frozenset(names))

    def is_call(self, node: ast.AST) -> bool:
        """Whether this node calls the program, directly and visibly."""
        if not isinstance(node, ast.Call):
            return False
        function = node.func
        if isinstance(function, ast.Name):
            return function.id in self.names
        if (
            not isinstance(function, ast.Attribute)
            or function.attr != self.method
            or not self.owner
        ):
            return False
        return self.is_instance(function.value)

    def is_instance(self, node: ast.AST) -> bool:
        """Whether the node makes or names an instance of the owner (`Solution()`)."""
        if isinstance(node, ast.Name):
            return node.id in self.instances
        return (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Name)
            and node.func.id == self.owner
            and not node.args
            and not node.keywords
        )

    def handles(self) -> frozenset[str]:
        """Every name through which the program can be reached."""
        return self.names | self.instances | ({self.owner} if self.owner else frozenset())


def loads(node: ast.AST) -> set[str]:
    """Names that the code reads (an approximation: scopes are not told apart)."""
    return {
        item.id
        for item in ast.walk(node)
        if isinstance(item, ast.Name) and isinstance(item.ctx, ast.Load)
    }


def stores(node: ast.AST) -> set[str]:
    """Names that a statement binds in its own scope, loops and branches included."""
    bound: set[str] = set()
    todo: list[ast.AST] = [node]
    while todo:
        item = todo.pop()
        if isinstance(item, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            bound.add(item.name)
            continue
        if isinstance(item, ast.Import | ast.ImportFrom):
            bound.update((alias.asname or alias.name).split(".")[0] for alias in item.names)
        elif isinstance(item, ast.Name) and not isinstance(item.ctx, ast.Load):
            bound.add(item.id)
        elif isinstance(item, ast.ExceptHandler) and item.name:
            bound.add(item.name)
        if not isinstance(
            item, ast.Lambda | ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp
        ):
            todo.extend(ast.iter_child_nodes(item))
    return bound


class Foreign(Exception):
    """Test code that needs more of the program's module than its entry point; args: line, names."""


class _Detach(ast.NodeTransformer):
    """Takes out imports of the program; `module.f` becomes `f`. changed: it did the latter."""

    def __init__(self, callee: Callee, modules: set[str]) -> None:
        self.callee = callee
        self.modules = modules
        self.changed = False

    def visit_Import(self, node: ast.Import) -> ast.AST | None:
        kept = [
            alias
            for alias in node.names
            if (alias.asname or alias.name) not in self.modules and alias.name != "pytest"
        ]
        node.names = kept
        return node if kept else None

    def visit_ImportFrom(self, node: ast.ImportFrom) -> ast.AST | None:
        module = (node.module or "").split(".")[0]
        if node.module == "pytest":
            raise Foreign(node.lineno, [alias.name for alias in node.names])
        names = [alias.asname or alias.name for alias in node.names]
        if node.level or (module not in _NOT_CANDIDATES):
            if names == ["*"]:
                return None
            if self.callee.bound in names:
                rest = [name for name in names if name != self.callee.bound]
                if rest:
                    raise Foreign(node.lineno, rest)
                return None
        return node

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        self.generic_visit(node)
        if (
            isinstance(node.value, ast.Name)
            and node.value.id in self.modules
            and node.attr == self.callee.bound
        ):
            self.changed = True
            return ast.copy_location(ast.Name(node.attr, node.ctx), node)
        return node


def detached(
    statement: ast.stmt, callee: Callee, modules: set[str]
) -> tuple[ast.stmt | None, bool]:
    """The statement without imports of the program, and whether its text was rewritten.

    Raises: Foreign.
    """
    transformer = _Detach(callee, modules)
    made = transformer.visit(statement)
    return made, transformer.changed


def program_modules(tree: ast.AST, callee: Callee) -> set[str]:
    """Aliases under which the test code imports the program's module (`import solution as s`)."""
    imported: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            imported |= {
                alias.asname or alias.name
                for alias in node.names
                if alias.name.split(".")[0] not in _NOT_CANDIDATES
            }
    used = {
        node.value.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.attr == callee.bound
    }
    return imported & used
