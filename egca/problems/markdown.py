"""The program inside a completion, fenced Markdown or bare text, with an exact character map.

Which block holds the program is decided by what it defines. Nothing runs; nothing is repaired or
reformatted: every character of the program that came from the completion is that character."""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import lru_cache

from egca.problems.parsing import NOT_PYTHON, parsed
from egca.types import Program, Segment

_FENCE = re.compile(
    r"(?P<indent>[ \t]*(?:>[ \t]?|[-*+][ \t]+|\d{1,9}[.)][ \t]+)*)(?P<mark>`{3,}|~{3,})"
)
_CODE = re.compile(r"(?:import |from \w[\w.]* import |def |async def |class |@)")
_MAX_PROSE = 40  # lines after the code that are tried as prose
_MAX_INDENT = 3  # columns that a fence may be indented, as in CommonMark
_ENDS = re.compile(r"\r\n|\n|\r")
_PYTHON = frozenset({"py", "python", "python3", "py3", "ipython", "pycon"})


@dataclass(frozen=True, slots=True)
class Block:
    """Lines of the completion that make up one block, as (start, end) of what is kept of each."""

    lines: tuple[tuple[int, int], ...]
    language: str = ""


@lru_cache(maxsize=128)  # a completion is judged, and soon after localized
def extract_program(completion: str, entry_point: str = "", prompt: str | None = None) -> Program:
    """Find the program in a completion.

    Of several fenced blocks: the last that defines the entry point, one that parses before one that
    does not, else the last that continues the prompt. Failing these, blocks labelled Python come
    before those without a label: of a script the last that parses, else the first that does, else
    the longest. Text in front of the first fence is a block, too, where it is code by itself: its
    opening fence was given to the model. Without fences the text itself.

    Args:
        entry_point: "f" or "Solution.f"; "" for a script.
        prompt: code that the completion may continue (HumanEval); put in front when the completion
            does not define the entry point itself.
    Returns: a program whose segments map its characters to the completion; `completion` is None
        when the two are the same text.
    """
    name = entry_point.partition(".")[0]
    front, rest = _front(completion)
    blocks = fenced_blocks(completion)
    continued = _continue(prompt, completion, front, name) if prompt is not None and name else None
    if continued is not None and compiles(_text(completion, front)):
        continued = None  # a word or a comment, which goes with every prompt
    if continued is not None or _is_program(_text(completion, front), name):
        end = front.lines[-1][1]
        both = {*blocks, *_blocks_in(completion, rest)}  # its fence may close it, or open a block
        later = [block for block in both if block.lines and block.lines[0][0] >= end]
        blocks = [front, *sorted(later, key=lambda block: block.lines)]
    programs = [_program(completion, block) for block in blocks]
    defining = [program for program in programs if name and _defines(program.source, name)]
    whole = [program for program in defining if _parses(program.source)]
    if whole or continued is not None or defining:
        return whole[-1] if whole else continued or defining[-1]
    if prompt is not None and name:
        for block in reversed(blocks or [front]):
            continued = _continue(prompt, completion, block, name)
            if continued is not None:
                return continued
    if name and _defines(_text(completion, front), name):
        return _program(completion, _without_prose(completion, front, name))
    if prompt is not None and name:
        for block in reversed(blocks or [front]):
            continued = _continue(prompt, completion, block, name, is_broken=True)
            if continued is not None:
                return continued
    return _likeliest(blocks, programs, name) if blocks else _program(completion, front)


def _likeliest(blocks: Sequence[Block], programs: Sequence[Program], name: str) -> Program:
    """The program among those of which none defines the entry point."""
    labels = [block.language for block in blocks]
    wanted: Collection[str] = _PYTHON if _PYTHON & {*labels} else {""} if "" in labels else labels
    fitting = [made for label, made in zip(labels, programs, strict=True) if label in wanted]
    if not name:
        fitting.reverse()
        acting = [program for program in fitting if _is_program(program.source, name)]
        fitting = acting or fitting
    parsing = [program for program in fitting if _parses(program.source)]
    return parsing[0] if parsing else max(fitting, key=lambda program: len(program.source))


def _is_program(source: str, name: str) -> bool:
    """Whether it parses and defines the name; a script has to do something.

    `3` and `Input: n` parse, and do nothing.
    """
    tree = _tree(source)
    if tree is None or name:
        return tree is not None and _defines(source, name)
    return not all(
        isinstance(node, ast.Expr | ast.AnnAssign) and not isinstance(node.value, ast.Call)
        for node in tree.body
    )


def _without_prose(completion: str, block: Block, name: str) -> Block:
    """The code in bare text with sentences around it; all of it when no part of it is a program.

    What is indented belongs to the code above it: a body that does not compile is no prose.
    """
    lines = block.lines
    starts = [i for i, (a, b) in enumerate(lines) if _CODE.match(completion[a:b])]
    for first in starts[:1]:
        for last in range(len(lines), max(first, len(lines) - _MAX_PROSE), -1):
            left_out = (completion[a:b] for a, b in lines[last:])
            if next((line for line in left_out if line.strip()), "").startswith((" ", "\t")):
                continue
            if _is_program(completion[lines[first][0] : lines[last - 1][1]], name):
                return Block(lines[first:last])
    return block


def fenced_blocks(text: str) -> list[Block]:
    """Code blocks between fences of ``` or ~~~, in order; an unclosed one ends with the text.

    A fence may stand in a list or a quotation; what its line has in front of it, the block's lines
    lose as far as they have it (white space and quotation marks).
    """
    return _blocks_in(text, _line_ranges(text))


def _blocks_in(text: str, lines: Sequence[tuple[int, int]]) -> list[Block]:
    blocks: list[Block] = []
    kept: list[tuple[int, int]] = []
    mark, indent, language = "", "", ""
    for start, end in lines:
        line = text[start:end]
        if not mark:
            found = _opening(line)
            if found is not None:
                indent, mark, info = found
                language = re.split(r"[\s,{:]", info.lower().lstrip("{."))[0].rstrip("}")
                kept = []
        elif _closes(line[_prefix(line, indent) :], mark):
            blocks.append(Block(tuple(kept), language))
            mark = ""
        else:
            kept.append((start + _prefix(line, indent), end))
    if mark and kept:
        blocks.append(Block(tuple(kept), language))
    return blocks


def _front(text: str) -> tuple[Block, list[tuple[int, int]]]:
    """What stands before the first fence, and the lines behind it: all and none without a fence.

    A fence with a label opens a block, so it is one of those lines. Fences in lists, quotations and
    indented text do not count: they may be part of a docstring.
    """
    lines = _line_ranges(text)
    for i, (start, end) in enumerate(lines):
        found = _opening(text[start:end])
        if found is not None and not found[0].strip() and _columns(found[0]) <= _MAX_INDENT:
            return Block(tuple(lines[:i])), lines[i:] if found[2] else lines[i + 1 :]
    return Block(tuple(lines)), []


def _opening(line: str) -> tuple[str, str, str] | None:
    """What stands before a fence, the fence, and its label; None where the line opens no block."""
    found = _FENCE.match(line)
    if found is None:
        return None
    info = line[found.end() :].strip()
    if found["mark"][0] == "`" and "`" in info:
        return None  # `code` in a sentence
    return found["indent"], found["mark"], info


def _closes(line: str, mark: str) -> bool:
    """Whether a line, without what its block's lines lose, closes the block."""
    bare = line.strip()
    indent = line[: len(line) - len(line.lstrip(" \t"))]
    is_fence = len(bare) >= len(mark) and not bare.strip(mark[0])
    return is_fence and _columns(indent) <= _MAX_INDENT


def _prefix(line: str, indent: str) -> int:
    """How many characters of a block's line belong to the indentation of its fence."""
    width, at = _columns(indent), 0
    if ">" in indent:
        quote = re.match(r"[ \t]*(>[ \t]?)+", line)
        return quote.end() if quote else 0
    column = 0
    while at < len(line) and column < width and line[at] in " \t":
        column += 4 - column % 4 if line[at] == "\t" else 1
        at += 1
    return at if column <= width else at - 1


def _columns(indent: str) -> int:
    column = 0
    for char in indent:
        column += 4 - column % 4 if char == "\t" else 1
    return column


def _line_ranges(text: str) -> list[tuple[int, int]]:
    """[start, end) of each line with its line end, without a byte order mark."""
    ranges, start = [], 1 if text.startswith("\ufeff") else 0
    for match in _ENDS.finditer(text, start):
        ranges.append((start, match.end()))
        start = match.end()
    if start < len(text):
        ranges.append((start, len(text)))
    return ranges


def _text(completion: str, block: Block) -> str:
    return "".join(completion[start:end] for start, end in block.lines)


def _program(completion: str, block: Block, before: str = "") -> Program:
    """The block as a program, dedented if it only parses that way, behind `before`."""
    lines = list(block.lines)
    if not before and not _parses(_text(completion, block)):
        dedented = _dedented(completion, lines)
        if dedented != lines and _parses("".join(completion[a:b] for a, b in dedented)):
            lines = dedented
    source = before + "".join(completion[start:end] for start, end in lines)
    if source == completion:
        return Program(source)
    return Program(source, completion, segments_of(lines, len(before)))


def segments_of(lines: Sequence[tuple[int, int]], offset: int = 0) -> tuple[Segment, ...]:
    """Segments of kept ranges that are laid end to end from program character `offset` on."""
    segments: list[Segment] = []
    at = offset
    for start, end in lines:
        if start == end:
            continue
        last = segments[-1] if segments else None
        if last and last.completion_start + last.length == start:
            segments[-1] = Segment(
                last.program_start, last.completion_start, last.length + end - start
            )
        else:
            segments.append(Segment(at, start, end - start))
        at += end - start
    return tuple(segments)


def _dedented(completion: str, lines: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """The lines without the white space that all of them begin with (blank lines aside)."""
    texts = [completion[start:end] for start, end in lines]
    margins = [text[: len(text) - len(text.lstrip(" \t"))] for text in texts if text.strip()]
    if not margins:
        return lines
    first, last = min(margins), max(margins)
    width = next((i for i, char in enumerate(first) if last[i : i + 1] != char), len(first))
    return [
        (start + min(width, len(text) - len(text.lstrip(" \t"))), end)
        for (start, end), text in zip(lines, texts, strict=True)
    ]


def _continue(
    prompt: str, completion: str, block: Block, name: str, is_broken: bool = False
) -> Program | None:
    """Prompt plus block, where that is a program that defines the name; None where it is not.

    A body that lost the indentation of its first line (stripped completions do) is given it back.
    is_broken: it need not be a program, if the block is none by itself either.
    """
    body = _text(completion, block)
    if not body.strip():
        return None
    joint = "" if prompt.endswith(("\n", "\r")) else "\n"
    tries = [prompt + joint] if joint else [prompt]
    if joint:
        tries.insert(0, prompt)  # the completion may go on in the prompt's last line
    tries += [prompt + joint + indent for indent in ("    ", "\t", "  ")]
    for before in tries:
        if compiles(before + body) and _defines(before + body, name):
            return _program(completion, block, before)
    if not is_broken or compiles(body) or not _defines(prompt, name):
        return None
    return _program(completion, block, tries[-4])


def _parses(source: str) -> bool:
    return _tree(source) is not None


def compiles(source: str) -> bool:
    """Stricter than parsing: a `return` outside a function does not compile."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            compile(source, "<program>", "exec", dont_inherit=True)
    except NOT_PYTHON:
        return False
    return True


@lru_cache(maxsize=8)  # asked several times in a row for the same text
def _tree(source: str) -> ast.Module | None:
    try:
        return parsed(source)
    except NOT_PYTHON:
        return None


def _defines(source: str, name: str) -> bool:
    """Whether the source binds the name at its top; by its text where it is not Python."""
    tree = _tree(source)
    if tree is None:
        return (
            re.search(
                rf"^[ \t]*(?:async[ \t]+)?(?:def|class)[ \t]+{re.escape(name)}\b", source, re.M
            )
            is not None
        )
    for node in tree.body:
        for item in ast.walk(node) if isinstance(node, ast.If | ast.Try | ast.With) else [node]:
            if isinstance(item, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                if item.name == name:
                    return True
            elif isinstance(item, ast.Assign):
                if any(isinstance(t, ast.Name) and t.id == name for t in item.targets):
                    return True
            elif isinstance(item, ast.Import | ast.ImportFrom) and any(
                (alias.asname or alias.name) == name for alias in item.names
            ):
                return True
    return False
