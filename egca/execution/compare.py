"""Is what a program gave what the test expects? Decided here once, on plain data, in the parent.

Rules (`types="python"`, the default, agrees with == on plain data, save for the first three):

- NaN equals NaN, also inside containers. -0.0 equals 0.0.
- `Opaque` (a value without plain-data form) equals nothing, not even another Opaque.
- With atol or rtol, numbers of which at least one is a float or complex are equal when
  |actual - expected| <= atol + rtol * |expected|, at any depth, also as set elements and dict
  values; two integers are always exact, and an infinity equals only itself.
- True == 1 == 1.0 == (1+0j); a list is never a tuple, text never bytes; set == frozenset,
  bytes == bytearray.
- What an iterator gave (`Iterated`) equals what another one gave, never a list or tuple.
- The order of a dict does not count, and dict, defaultdict, Counter and OrderedDict are compared as
  dicts; only two OrderedDicts are held to their order, and two Counters ignore zero counts, as in
  Python.
- `types="exact"`: besides, the type is the same at every depth (dict keys and set elements too).
- `unordered`: the two outermost collections (of any kind) hold the same elements equally often. A
  dict's elements are its items, so it equals only a dict; two OrderedDicts may differ in order.
- `view`: both values go through VIEWS[view] first; a value that has no such view differs.

No recursion: depth of nesting is no limit. The actual value is a program's, and may be made to be
slow: what has no order is matched by likeness first and within a bound (`_matched`), and `short`
looks at little. Text that scripts print is compared by `same_output`."""

from __future__ import annotations

import math
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable
from typing import Any

from egca.execution.decoding import is_crowded
from egca.execution.matching import matched
from egca.execution.showing import short as short
from egca.types import Comparison, Iterated, Opaque

_SCALARS = frozenset({int, str, bool, type(None), bytes})  # == on these is the whole rule
_CHEAP = _SCALARS | {float}  # what is equal by == is equal under any tolerance
_NUMBERS = (int, float, complex)
_SETS = (set, frozenset)
_BYTES = (bytes, bytearray)
_DEFAULT = Comparison()
_MAX_RANGE = 1 << 20  # items of a range that is looked at item by item

VIEWS: dict[str, Callable[[Any], Any]] = {
    "": lambda value: value,
    "truth": bool,
    "set": lambda value: _as_set(value),
    "list": list,
    "tuple": tuple,
    "tuple_as_list": lambda value: list(value) if type(value) is tuple else value,
    "is_not_none": lambda value: value if isinstance(value, bool) else value is not None,
}

Path = tuple[Any, ...]  # linked: (parent, piece of text), () at the root


def equal(expected: Any, actual: Any, comparison: Comparison = _DEFAULT) -> bool:
    """Whether `actual` is what was expected.

    >>> equal([1, 2.0], [1.0, 2.0000001], Comparison(atol=1e-6))
    True
    """
    kind = type(expected)
    if kind in _SCALARS and kind is type(actual) and _is_bare(comparison):
        return bool(expected == actual)  # without a word on how they differ
    return _first_difference(expected, actual, comparison) is None


def _is_bare(comparison: Comparison) -> bool:
    return not comparison.view and not comparison.unordered


def difference(expected: Any, actual: Any, comparison: Comparison = _DEFAULT) -> str:
    """The first place where the two differ, in one line; "" when they are equal.

    >>> difference([1, 2, {"a": 3}], [1, 2, {"a": 4}])
    "[2]['a']: expected 3, got 4"
    """
    return _first_difference(expected, actual, comparison) or ""


def same_output(expected: str, actual: str, comparison: Comparison = _DEFAULT) -> bool:
    """Whether a script printed what was expected; see `output_difference`."""
    return not output_difference(expected, actual, comparison)


def output_difference(expected: str, actual: str, comparison: Comparison = _DEFAULT) -> str:
    """The first line that differs, in one line; "" when the two texts are the same.

    White space at the end of a line and empty lines at the end do not count (unless types="exact");
    with a tolerance, words that are numbers on both sides are compared as numbers, two whole ones
    exactly.
    """
    exact = comparison.types == "exact"
    wanted, given = _lines(expected, exact), _lines(actual, exact)
    for i in range(max(len(wanted), len(given))):
        if i >= len(given):
            return f"line {i + 1}: expected {short(wanted[i])}, got no more lines"
        if i >= len(wanted):
            return f"line {i + 1}: expected no more lines, got {short(given[i])}"
        if wanted[i] != given[i] and not _same_words(wanted[i], given[i], comparison):
            return f"line {i + 1}: expected {short(wanted[i])}, got {short(given[i])}"
    return ""


def _as_set(value: Any) -> set[Any]:
    items = [*value]
    if is_crowded(items):
        raise TypeError("elements that were chosen for their hash")
    return set(items)


def _lines(text: str, exact: bool) -> list[str]:
    if exact:
        return text.split("\n")
    lines = [line.rstrip() for line in text.replace("\r\n", "\n").split("\n")]
    while lines and not lines[-1]:
        lines.pop()
    return lines


def _same_words(expected: str, actual: str, comparison: Comparison) -> bool:
    if not comparison.atol and not comparison.rtol:
        return False
    wanted, given = expected.split(), actual.split()
    if len(wanted) != len(given):
        return False
    for left, right in zip(wanted, given, strict=True):
        if left != right and not _same_word(left, right, comparison):
            return False
    return True


def _same_word(expected: str, actual: str, comparison: Comparison) -> bool:
    try:
        return int(expected) == int(actual)
    except ValueError:  # no whole number, or one of over 4300 digits
        pass
    try:
        wanted, given = float(expected), float(actual)
    except ValueError:
        return False
    # Numbers too large for a float are all inf, and only the word "inf" means it.
    is_large = (math.isinf(wanted) or math.isinf(given)) and expected.strip("+-")[:1].isdigit()
    return not is_large and _same_number(wanted, given, comparison)


def _first_difference(expected: Any, actual: Any, comparison: Comparison) -> str | None:
    if comparison.view == "truth":
        same = type(actual) is not Opaque and bool(expected) is bool(actual)
        wanted = "true" if expected else "false"
        return None if same else f"expected a {wanted} value, got {short(actual)}"
    if (comparison.view or comparison.unordered) and _is_endless(actual):
        return f"got {short(actual)}, which has too many items"
    if comparison.view:
        try:
            expected = VIEWS[comparison.view](expected)
            if type(actual) is not Opaque or comparison.view == "is_not_none":
                actual = VIEWS[comparison.view](actual)
        except TypeError:
            return f"got {short(actual)}, which cannot be seen as {comparison.view}"
    if comparison.unordered:
        return _unordered_difference(expected, actual, comparison)
    exact = comparison.types == "exact"
    stack: list[tuple[Any, Any, Path]] = [(expected, actual, ())]
    while stack:
        left, right, path = stack.pop()
        kind = type(left)
        if kind in _SCALARS and kind is type(right):
            if left == right:
                continue
            return _say(path, left, right)
        if exact and kind is not type(right):
            return _say(path, left, right, typed=True)
        if kind is Opaque or type(right) is Opaque:
            return _say(path, left, right)
        if isinstance(left, _NUMBERS) and isinstance(right, _NUMBERS):
            if not _same_number(left, right, comparison):
                return _say(path, left, right)
        elif (compare := _container(left, right)) is not None:
            problem = compare(left, right, path, stack, comparison)
            if problem is not None:
                return problem
        elif not (left == right and _plain(left, right)):
            return _say(path, left, right, typed=kind is not type(right))
    return None


def _is_endless(value: Any) -> bool:
    """Whether a value is a few bytes that stand for any number of items."""
    return type(value) is range and bool(value[_MAX_RANGE:])


Compare = Callable[[Any, Any, Path, list[tuple[Any, Any, Path]], Comparison], str | None]


def _container(left: Any, right: Any) -> Compare | None:
    if isinstance(left, dict):
        return _dict_difference if isinstance(right, dict) else None
    if isinstance(left, _SETS):
        return _set_difference if isinstance(right, _SETS) else None
    if isinstance(left, str | bytes | bytearray | range) or type(left) is not type(right):
        return None
    if isinstance(left, Iterated):
        return _items_difference
    return _sequence_difference if hasattr(left, "__len__") else None


def _plain(left: Any, right: Any) -> bool:
    """Types that == may compare: the same one, or two kinds of bytes."""
    return type(left) is type(right) or (isinstance(left, _BYTES) and isinstance(right, _BYTES))


def _sequence_difference(
    left: Any, right: Any, path: Path, stack: list[tuple[Any, Any, Path]], comparison: Comparison
) -> str | None:
    if comparison.types != "exact" and _CHEAP.issuperset(map(type, left)) and left == right:
        return None
    if len(left) != len(right):
        return _length_difference(left, right, path, comparison)
    pairs = zip(left, right, strict=True)
    todo = [
        (a, b, (path, i)) for i, (a, b) in enumerate(pairs) if a is not b or type(a) not in _SCALARS
    ]
    stack.extend(reversed(todo))
    return None


def _items_difference(
    left: Any, right: Any, path: Path, stack: list[tuple[Any, Any, Path]], comparison: Comparison
) -> str | None:
    return _sequence_difference(left.items, right.items, path, stack, comparison)


def _length_difference(left: Any, right: Any, path: Path, comparison: Comparison) -> str:
    for i, (a, b) in enumerate(zip(left, right, strict=False)):
        found = _first_difference(a, b, _inner(comparison))
        if found:
            inner = found if found.startswith("[") else f": {found}"
            return f"{_text((path, i))}{inner} (and {len(right)} items instead of {len(left)})"
    return f"{_where(path)}expected {len(left)} items, got {len(right)}: {short(right)}"


def _inner(comparison: Comparison) -> Comparison:
    """The same comparison, for what lies inside."""
    return Comparison(comparison.atol, comparison.rtol, comparison.types)


def _dict_difference(
    left: Any, right: Any, path: Path, stack: list[tuple[Any, Any, Path]], comparison: Comparison
) -> str | None:
    if isinstance(left, Counter) and isinstance(right, Counter):
        left = {key: n for key, n in left.items() if n != 0}
        right = {key: n for key, n in right.items() if n != 0}
    if isinstance(left, OrderedDict) and isinstance(right, OrderedDict):
        found = _first_difference(list(left), list(right), _inner(comparison))
        if found:
            return f"{_where(path)}keys in another order: {found}"
    todo: list[tuple[Any, Any, Path]] = []
    others = {key: key for key in right}  # the right side's own key objects
    unlike: list[Any] = []
    for key, value in left.items():
        if key in others and _same_key(key, others[key], comparison):
            todo.append((value, right[others.pop(key)], (path, key)))
        else:
            unlike.append(key)
    pairs, missing, left_over = _matched(unlike, [*others], comparison)
    if missing:
        return f"{_where(path)}expected the key {short(missing[0])}, got {short(right)}"
    if left_over:
        return f"{_where(path)}got the key {short(left_over[0])}, which is not expected"
    todo += [(left[key], right[other], (path, key)) for key, other in pairs]
    stack.extend(reversed(todo))
    return None


def _same_key(left: Any, right: Any, comparison: Comparison) -> bool:
    if type(left) is type(right) and type(left) in _SCALARS:
        return True
    return _first_difference(left, right, _inner(comparison)) is None


def _set_difference(
    left: Any, right: Any, path: Path, stack: list[tuple[Any, Any, Path]], comparison: Comparison
) -> str | None:
    if _SCALARS.issuperset(map(type, left)) and comparison.types != "exact" and left == right:
        return None
    found = _bag_difference(left, right, _inner(comparison))
    return None if found is None else f"{_where(path)}{found}"


def _unordered_difference(expected: Any, actual: Any, comparison: Comparison) -> str | None:
    inner = _inner(comparison)
    for value in (expected, actual):
        if type(value) is Opaque or not isinstance(value, Iterable):
            return _first_difference(expected, actual, inner) or (
                f"got {short(actual)}, which is no collection"
            )
    if isinstance(expected, dict) or isinstance(actual, dict):
        if type(expected) is OrderedDict is type(actual):
            expected, actual = dict(expected), dict(actual)
        return _first_difference(expected, actual, inner)
    return _bag_difference(expected, actual, inner)


def _bag_difference(
    left: Iterable[Any], right: Iterable[Any], comparison: Comparison
) -> str | None:
    """Hold two collections against each other without order; None when they are equal."""
    wanted, given = [*left], [*right]
    if len(given) > 2 * len(wanted) + 1000:
        return f"expected {len(wanted)} items, got {len(given)}"
    _, missing, left_over = _matched(wanted, given, comparison)
    parts = [f"{short(missing[0])} is missing"] if missing else []
    parts += [f"{short(left_over[0])} is not expected"] if left_over else []
    if not parts:
        return None
    more = len(missing) + len(left_over) - len(parts)
    return " and ".join(parts) + (f" (and {more} more)" if more > 0 else "")


def _matched(
    wanted: list[Any], given: list[Any], comparison: Comparison
) -> tuple[list[tuple[Any, Any]], list[Any], list[Any]]:
    inner = _inner(comparison)
    is_near = bool(comparison.atol or comparison.rtol)
    return matched(wanted, given, is_near, lambda a, b: _first_difference(a, b, inner) is None)


def _same_number(left: Any, right: Any, comparison: Comparison) -> bool:
    if left == right:
        return True
    if left != left and right != right:
        if not isinstance(left, complex) and not isinstance(right, complex):
            return True
        return _same_number(left.real, right.real, comparison) and _same_number(
            left.imag, right.imag, comparison
        )
    if isinstance(left, int) and isinstance(right, int):
        return False
    return _close(left, right, comparison)


def _close(left: Any, right: Any, comparison: Comparison) -> bool:
    if left == right:
        return True
    if not comparison.atol and not comparison.rtol:
        return False  # 2**53 + 1 is not float(2**53), although their difference rounds to 0
    try:
        gap, size = abs(right - left), abs(left)
    except OverflowError:  # an int beyond every float
        return False
    if math.isinf(size) or not math.isfinite(gap):
        return False
    return bool(gap <= comparison.atol + comparison.rtol * size)


def _say(path: Path, expected: Any, actual: Any, typed: bool = False) -> str:
    wanted, given = short(expected), short(actual)
    if wanted == given or (typed and type(expected) is not type(actual)):
        wanted = _typed(expected, wanted)
        given = given if type(actual) is Opaque else _typed(actual, given)
    return f"{_where(path)}expected {wanted}, got {given}"


def _typed(value: Any, shown: str) -> str:
    return shown if type(value) is Iterated else f"{shown} ({type(value).__name__})"


def _where(path: Path) -> str:
    return f"{_text(path)}: " if path else ""


def _text(path: Path) -> str:
    pieces: list[str] = []
    while path:
        pieces.append(f"[{short(path[1], 40)}]")
        path = path[0]
    if len(pieces) > 20:
        pieces[10:-10] = ["..."]
    return "".join(reversed(pieces))
