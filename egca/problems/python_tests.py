"""A Python test file as tests: asserts that are data become Examples, the others Checks.

Understands asserts at module level, `check(candidate)` functions, `test_*` functions (with
pytest.mark.parametrize, raises and approx), unittest classes, helpers and constants. Parses only;
nothing of the file runs here. One function body is taken apart in bodies.py."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches

from egca.errors import ProblemError
from egca.problems.bodies import Body, Module, split_body
from egca.problems.callee import (
    Callee,
    Foreign,
    detached,
    loads,
    program_modules,
    stores,
)
from egca.problems.parametrized import fixtures_of, parameter_sets
from egca.problems.parsing import NOT_PYTHON, parsed, why_not_python
from egca.problems.problem import Test
from egca.problems.unittest_asserts import as_asserts, is_test_case
from egca.problems.waiting import without_waiting


def parse_python_tests(
    source: str, entry_point: str, *, filename: str = "<tests>", context: str = ""
) -> tuple[Test, ...]:
    """The tests of a Python file, in its order.

    Args:
        entry_point: "f" or "Solution.f".
        filename: for messages. context: source of a module whose helpers the tests may use besides
            their own (HumanEval's tests call functions of the prompt).
    Raises: ProblemError for a syntax error, for no tests, or when nothing calls the entry point.
    """
    callee = Callee.of(entry_point)
    try:
        source = without_waiting(source, callee)
        tree = parsed(source)
    except NOT_PYTHON as error:
        line = getattr(error, "lineno", None) or 1
        raise ProblemError(f"{filename}:{line}: not Python: {why_not_python(error)}") from None
    try:
        reader = _FileReader(source, tree, callee, context)
        tests = reader.tests()
    except Foreign as error:
        line, names = error.args
        raise ProblemError(
            f"{filename}:{line}: imports {', '.join(names)} besides the entry point; "
            "define it in the test file, for only the entry point can be called"
        ) from None
    if not tests:
        raise ProblemError(_why_none(tree, entry_point, filename))
    return tuple(tests)


@dataclass
class _FileReader:
    """Walks the module once: sorts statements into setup and tests, then reads the tests."""

    source: str
    tree: ast.Module
    callee: Callee
    context: str = ""
    found: list[Test] = field(default_factory=list)

    def tests(self) -> list[Test]:
        modules = program_modules(self.tree, self.callee)
        setup: list[ast.stmt] = []
        bodies: list[ast.stmt] = []
        for statement in _flat(self.tree.body):
            kept, changed = detached(statement, self.callee, modules)
            if kept is None:
                continue
            if changed:
                ast.fix_missing_locations(kept)
            target = bodies if self._is_test(kept) else setup
            if not self._is_runner(kept):
                target.append(kept)
        instances = _instances(setup, self.callee)
        self.callee = self.callee.with_instances(instances)
        self.module = Module(
            self.source, setup, self.callee, _context_statements(self.context, self.callee)
        )
        loose: list[ast.stmt] = []
        for statement in bodies:
            if isinstance(statement, ast.FunctionDef | ast.ClassDef):
                self._flush(loose)
                self._definition(statement)
            else:
                loose.append(statement)
        self._flush(loose)
        return _uniquely_named(self.found)

    def _is_test(self, statement: ast.stmt) -> bool:
        if isinstance(statement, ast.FunctionDef):
            return _is_test_function(statement, self.callee, self._run_by_name())
        if isinstance(statement, ast.ClassDef):
            return is_test_case(statement)
        if isinstance(statement, ast.Assign | ast.AnnAssign | ast.Import | ast.ImportFrom):
            return any(self.callee.is_call(node) for node in ast.walk(statement))
        if isinstance(statement, ast.Expr):
            return any(
                self.callee.is_call(node) for node in ast.walk(statement)
            ) and not isinstance(statement.value, ast.Constant)
        return not isinstance(statement, ast.AsyncFunctionDef | ast.Pass) and (
            isinstance(statement, ast.Assert)
            or any(isinstance(n, ast.Assert) for n in ast.walk(statement))
        )

    def _run_by_name(self) -> set[str]:
        """The functions that the file runs itself: `main()`, perhaps under `if __name__ == ...`."""
        calls = [item.value for item in _flat(self.tree.body) if isinstance(item, ast.Expr)]
        return {
            call.func.id
            for call in calls
            if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and not call.args
        }

    def _is_runner(self, statement: ast.stmt) -> bool:
        """`check(add)`, `test_add()`, `unittest.main()`, `print(...)`: runs, but tests nothing."""
        if not isinstance(statement, ast.Expr) or not isinstance(statement.value, ast.Call):
            return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
        function = statement.value.func
        if isinstance(function, ast.Attribute):
            return function.attr in ("main", "exit")
        defined = {node.name for node in self.tree.body if isinstance(node, ast.FunctionDef)}
        return isinstance(function, ast.Name) and (function.id in defined or function.id == "print")

    def _flush(self, loose: list[ast.stmt]) -> None:
        if loose:
            self._add(Body(list(loose), self.callee, name="assert"))
            loose.clear()

    def _definition(self, node: ast.FunctionDef | ast.ClassDef) -> None:
        if isinstance(node, ast.ClassDef):
            self._class(node)
            return
        arguments = [item.arg for item in node.args.args]
        takes_program = len(arguments) == 1 and not node.decorator_list
        if takes_program and set(arguments) & fixtures_of(self.tree):
            return  # nothing here can provide them
        if node.name == "check" or takes_program:
            entry = arguments[0] if arguments else ""
            callee = self.callee.also(entry) if entry else self.callee
            self._add(Body(node.body, callee, name="assert", whole=node, entry=entry))
            return
        sets = parameter_sets(node)
        if sets is None:  # fixtures: nothing here can provide them
            sets = [{}] if not arguments else []
        for values in sets:
            self._add(Body(node.body, self.callee, name=node.name, whole=node, parameters=values))

    def _class(self, node: ast.ClassDef) -> None:
        has_setup = any(
            isinstance(item, ast.FunctionDef)
            and item.name in ("setUp", "setup_method", "setUpClass")
            for item in node.body
        )
        for item in node.body:
            if not isinstance(item, ast.FunctionDef) or not item.name.startswith("test"):
                continue
            name = f"{node.name}.{item.name}"
            plain = None if has_setup else as_asserts(item)
            body = plain if plain is not None else [node]
            sets = parameter_sets(item) if plain is not None else None
            for values in sets or [{}]:
                self._add(
                    Body(body, self.callee, name=name, whole=node, method=item, parameters=values)
                )

    def _add(self, body: Body) -> None:
        self.found.extend(split_body(body, self.module))


def _flat(statements: Sequence[ast.stmt]) -> list[ast.stmt]:
    """Module-level statements, with those under `if __name__ == "__main__":` in their place."""
    flat: list[ast.stmt] = []
    for statement in statements:
        if isinstance(statement, ast.If) and "__name__" in loads(statement.test):
            flat.extend(_flat(statement.body))
        else:
            flat.append(statement)
    return flat


def _is_test_function(node: ast.FunctionDef, callee: Callee, run: set[str]) -> bool:
    if node.name == "check" or node.name.startswith("test"):
        return True
    arguments = [item.arg for item in node.args.args]
    return arguments == ["candidate"] or (
        (node.name.startswith("check") or node.name in run)
        and not arguments
        and bool(loads(node) & callee.handles())
    )


def _instances(setup: Sequence[ast.stmt], callee: Callee) -> set[str]:
    return {
        target.id
        for statement in setup
        if isinstance(statement, ast.Assign) and callee.is_instance(statement.value)
        for target in statement.targets
        if isinstance(target, ast.Name)
    }


def _context_statements(context: str, callee: Callee) -> list[ast.stmt]:
    """Definitions and imports of the context, without the entry point itself."""
    if not context:
        return []
    try:
        tree = parsed(context)
    except NOT_PYTHON:
        return []
    kinds = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.ClassDef, ast.Assign, ast.AnnAssign)
    return [
        node for node in tree.body if isinstance(node, kinds) and callee.bound not in stores(node)
    ]


def _uniquely_named(tests: Sequence[Test]) -> list[Test]:
    """Number the tests that share a name: "assert 1", "assert 2"; "test_f" alone stays."""
    total: dict[str, int] = {}
    for test in tests:
        total[test.name] = total.get(test.name, 0) + 1
    seen: dict[str, int] = {}
    named: list[Test] = []
    for test in tests:
        if total[test.name] > 1 or test.name == "assert":
            seen[test.name] = seen.get(test.name, 0) + 1
            named.append(replace(test, name=f"{test.name} {seen[test.name]}"))
        else:
            named.append(test)
    return named


def called_names(tree: ast.AST) -> list[str]:
    """Names of functions called inside asserts and test functions, most frequent first."""
    counts: dict[str, int] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Assert):
            for call in ast.walk(node.test):
                if isinstance(call, ast.Call):
                    name = call.func.id if isinstance(call.func, ast.Name) else ""
                    name = call.func.attr if isinstance(call.func, ast.Attribute) else name
                    counts[name] = counts.get(name, 0) + 1
    counts.pop("", None)
    return sorted(counts, key=lambda name: -counts[name])


def _why_none(tree: ast.Module, entry_point: str, filename: str) -> str:
    has_asserts = any(
        isinstance(node, ast.Assert)
        or (isinstance(node, ast.Attribute) and node.attr.startswith("assert"))
        for node in ast.walk(tree)
    )
    if not has_asserts:
        return f"{filename}: no tests in it; write at least one assert that calls {entry_point}"
    for node in ast.walk(tree):
        if isinstance(node, ast.AsyncFunctionDef) and node.name.startswith("test"):
            return (
                f"{filename}:{node.lineno}: {node.name} awaits more than {entry_point}, "
                "and only the entry point can be awaited"
            )
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test"):
            fixtures = [item.arg for item in node.args.args if item.arg in fixtures_of(tree)]
            if fixtures:
                return (
                    f"{filename}:{node.lineno}: {node.name} takes a fixture "
                    f"({', '.join(fixtures)}), and fixtures are not provided; "
                    f"call {entry_point} and compare what it returns"
                )
    called = called_names(tree)
    near = get_close_matches(entry_point.rpartition(".")[2], called, 1, 0.6)
    hint = (
        f'did you mean "{near[0]}"?' if near else f"they call {', '.join(called[:3]) or 'nothing'}"
    )
    return f'{filename}: no test calls the entry point "{entry_point}"; {hint}'
