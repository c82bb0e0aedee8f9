"""The normalised control-flow graph of a program.

Two programs that differ in names, layout, comments, docstrings, dead code or in how they spell the
same control flow have the same graph. Spellings: normalise.py, blocks.py, calls.py, lowering.py.
How near two different graphs are: similarity.py."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from functools import lru_cache

from egca.structure.blocks import Block, TooComplexError
from egca.structure.lowering import Lowering
from egca.structure.normalise import (
    Function,
    Scope,
    entry_function,
    is_inert,
    is_main_guard,
    parse,
    read_names,
    roots,
    scope_of,
)


@dataclass(frozen=True, slots=True)
class Graph:
    """Basic blocks of a program and the edges between them.

    operations[i] are the operations of block i, sorted; successors[i] the blocks that control may
    go to after it, one for each edge. Block 0 is the entry; a block without successors is an end.
    loop_heads are the blocks that an edge goes back to. form says how the graph was made:
    "lowered"; "flat" for a program too deep or too large, one block with its coarse operations;
    "unparsed" for one without syntax tree, no block at all.
    """

    operations: tuple[tuple[str, ...], ...] = ()
    successors: tuple[tuple[int, ...], ...] = ()
    loop_heads: frozenset[int] = frozenset()
    form: str = "lowered"

    @property
    def n_blocks(self) -> int:
        return len(self.operations)


@lru_cache(maxsize=512)
def control_flow(source: str, entry_point: str = "") -> Graph:
    """Normalised control-flow graph of the function that is called, and of all that it calls.

    Args:
        source: a program; never executed.
        entry_point: "f" or "Class.f". If it is empty or not defined: the module body for a script,
            and where a module only defines things, the functions that none of its others mentions.
    """
    tree = parse(source)
    if tree is None:
        return Graph(form="unparsed")
    try:
        return _finish(_lower(tree, entry_point))
    except (TooComplexError, RecursionError):
        return _flat(tree)


def _lower(tree: ast.Module, entry_point: str) -> Block:
    scope = scope_of(tree.body)
    lowering = Lowering(scope)
    start = lowering.current
    assert start is not None
    entry = entry_function(scope, entry_point) if entry_point else None
    if entry is not None:
        lowering.block(_globals_read(tree, scope, entry))
        lowering.inline(entry)
    elif _is_script(tree):
        lowering.block(tree.body)
    else:
        lowering.block([node for node in tree.body if isinstance(node, ast.Assign)])
        _lower_roots(lowering, roots(scope))
    lowering.jump(lowering.exit)
    return start


def _lower_roots(lowering: Lowering, functions: list[Function]) -> None:
    """Several entry points: control may go to any of them."""
    if len(functions) <= 1:
        for function in functions:
            lowering.inline(function)
        return
    starts = [lowering.new() for _ in functions]
    lowering.jump(*starts)
    for start, function in zip(starts, functions, strict=True):
        lowering.current = start
        lowering.inline(function)
        lowering.jump(lowering.exit)


_DEFINITIONS = (
    ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom, ast.Assign,
    ast.AnnAssign, ast.Pass, ast.Assert,
)  # fmt: skip


def _is_script(tree: ast.Module) -> bool:
    """Whether the module body does something itself, a main guard included."""
    for node in tree.body:
        if isinstance(node, _DEFINITIONS) or (isinstance(node, ast.Expr) and is_inert(node.value)):
            continue
        if isinstance(node, ast.If) and is_main_guard(node.test) and not node.body:
            continue
        return True
    return False


def _globals_read(tree: ast.Module, scope: Scope, entry: Function) -> list[ast.stmt]:
    """Assignments of the module body whose names the entry point reads, helpers included."""
    assignments = [
        node
        for node in tree.body
        if isinstance(node, ast.Assign | ast.AnnAssign)
        and node.value is not None
        and not is_inert(node.value)
        and not isinstance(node.value, ast.Name | ast.Attribute)
    ]
    if not assignments:
        return []
    reached: list[ast.AST] = [entry]
    names: set[str] = set()
    for function in reached:
        for name in sorted(read_names([function])):
            if name not in names:
                names.add(name)
                reached.extend([scope.functions[name]] if name in scope.functions else [])
                reached.extend(scope.classes.get(name, {}).values())
    return [
        node
        for node in assignments
        if any(
            isinstance(inner, ast.Name) and inner.id in names
            for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
            for inner in ast.walk(target)
        )
    ]


def _finish(entry: Block) -> Graph:
    """Drop what cannot be reached, contract what says nothing, number what is left."""
    start = Block(successors=[entry])  # an entry of its own: edges may go back to the first block
    _forward(_reachable(start))
    for block in (order := _reachable(start)):
        _join_truth(block)
    for block in order:
        block.operations = [word for word in block.operations if not word.startswith("=")]
    order = _reachable(start)
    _forward(order)
    order = _reachable(start)
    n_predecessors: dict[int, int] = {}
    for block in order:
        for successor in block.successors:
            n_predecessors[id(successor)] = n_predecessors.get(id(successor), 0) + 1
    for block in order:
        _absorb(block, n_predecessors)
    order = _reachable(start)
    index = {id(block): i for i, block in enumerate(order)}
    return Graph(
        tuple(tuple(sorted(block.operations)) for block in order),
        tuple(tuple(index[id(successor)] for successor in block.successors) for block in order),
        _loop_heads(order, index),
    )


def _reachable(entry: Block) -> list[Block]:
    """Blocks in depth-first preorder."""
    order: list[Block] = []
    seen: set[int] = set()
    stack = [entry]
    while stack:
        block = stack.pop()
        if id(block) in seen:
            continue
        seen.add(id(block))
        order.append(block)
        stack.extend(reversed(block.successors))
    return order


def _forward(order: list[Block]) -> None:
    """Let every edge go to the first block from there on that does something, branches or ends."""
    for block in order:
        block.successors = [_skip_empty(successor) for successor in block.successors]


def _join_truth(block: Block) -> None:
    """`if c: return True` with `return False` in the other arm is the value of c; so is a store."""
    if len(block.successors) != 2:
        return
    marks = [arm.operations for arm in block.successors]
    ends = [_after(arm) for arm in block.successors]
    if [len(words) for words in marks] != [1, 1] or ends[0] is None or ends[0] is not ends[1]:
        return
    first, second = (words[0].partition(" ") for words in marks)
    if {first[0], second[0]} == {"=true", "=false"} and first[2] == second[2]:
        block.successors = [ends[0]]


def _after(block: Block) -> Block | None:
    return block.successors[0] if len(block.successors) == 1 else None


def _skip_empty(block: Block) -> Block:
    """The first block from here on that does something, branches or ends."""
    seen = {id(block)}
    while not block.operations and len(block.successors) == 1:
        block = block.successors[0]
        if id(block) in seen:  # an empty endless loop
            return block
        seen.add(id(block))
    return block


def _absorb(block: Block, n_predecessors: dict[int, int]) -> None:
    """Join a block with the only block that it goes to and that nobody else goes to."""
    while len(block.successors) == 1:
        following = block.successors[0]
        if following is block or n_predecessors[id(following)] != 1 or not following.successors:
            return
        if not n_predecessors.get(id(block)):
            return  # the entry stays apart
        block.operations += following.operations
        block.successors = following.successors
        following.operations, following.successors = [], []
        n_predecessors[id(following)] = 0


def _loop_heads(order: list[Block], index: dict[int, int]) -> frozenset[int]:
    """Targets of edges that go back to a block on the depth-first path."""
    heads: set[int] = set()
    on_path: set[int] = set()
    seen = {0}
    stack: list[tuple[int, int]] = [(0, 0)]
    on_path.add(0)
    while stack:
        node, position = stack.pop()
        successors = order[node].successors
        if position == len(successors):
            on_path.discard(node)
            continue
        stack.append((node, position + 1))
        target = index[id(successors[position])]
        if target in on_path:
            heads.add(target)
        elif target not in seen:
            seen.add(target)
            on_path.add(target)
            stack.append((target, 0))
    return frozenset(heads)


_COARSE: dict[type[ast.AST], str] = {
    ast.For: "loop", ast.While: "loop", ast.comprehension: "loop", ast.If: "branch",
    ast.IfExp: "branch", ast.BinOp: "op", ast.AugAssign: "op", ast.Compare: "cmp", ast.Call: "call",
    ast.Subscript: "index", ast.Return: "return", ast.Raise: "raise", ast.Try: "try",
}  # fmt: skip


def _flat(tree: ast.Module) -> Graph:
    """One block with what a program does, for one that cannot be written out."""
    found = [_COARSE[type(node)] for node in ast.walk(tree) if type(node) in _COARSE]
    return Graph((tuple(sorted(found)),), ((),), form="flat")
