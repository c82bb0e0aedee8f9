"""Every option that a generated program can have, table by table.

No option raises on the inputs that inputs.py makes, none makes a loop endless, and each has at
least one neighbour that it is confused with. Which table a place in a program takes is in
shapes.py."""

from __future__ import annotations

from dataclasses import replace

from egca.problems.generated.options import (
    Table,
    condition,
    expression,
    parity,
    relations,
    table,
)

NUMBER_TESTS = table(
    relations("", "{x}", "{k}", "{} {k}", "small"),
    parity("", "{x}", "{}"),
    condition(
        "multiple",
        "a multiple of {k}",
        "not_multiple",
        "{x} % {k} == 0 | not {x} % {k}",
        "{x} % {k} != 0 | {x} % {k}",
        "divisor",
    ),
    condition(
        "not_multiple",
        "no multiple of {k}",
        "multiple",
        "{x} % {k} != 0 | {x} % {k}",
        "{x} % {k} == 0 | not {x} % {k}",
        "divisor",
    ),
    condition(
        "between",
        "from {k} to {h}",
        "inside outside",
        "{k} <= {x} <= {h} | {x} >= {k} and {x} <= {h}",
        "not {k} <= {x} <= {h} | {x} < {k} or {x} > {h}",
        "range",
    ),
    condition(
        "inside",
        "between {k} and {h}",
        "between",
        "{k} < {x} < {h} | {x} > {k} and {x} < {h}",
        "not {k} < {x} < {h} | {x} <= {k} or {x} >= {h}",
        "range",
    ),
    condition(
        "outside",
        "not from {k} to {h}",
        "between",
        "not {k} <= {x} <= {h} | {x} < {k} or {x} > {h}",
        "{k} <= {x} <= {h} | {x} >= {k} and {x} <= {h}",
        "range",
    ),
    condition("positive", "positive", "negative", "{x} > 0 | 0 < {x}", "{x} <= 0 | not {x} > 0"),
    condition("negative", "negative", "positive", "{x} < 0 | 0 > {x}", "{x} >= 0 | not {x} < 0"),
)
DIGIT_TESTS = table(
    option for name, option in NUMBER_TESTS.items() if name not in ("positive", "negative")
)
PREVIOUS_TESTS = table(relations("_previous", "{x}", "{p}", "{} previous"))
ARGUMENT_TESTS = table(relations("_n", "{x}", "{n}", "{} n"))
ITEM_TESTS = NUMBER_TESTS | PREVIOUS_TESTS | ARGUMENT_TESTS

PAIR_TESTS = table(
    relations("_b", "{a}", "{b}", "a {} b"),
    relations("_a", "{a}", "{k}", "a {} {k}", "small"),
    relations("_for_b", "{b}", "{k}", "b {} {k}", "small"),
    relations("_sum", "{a} + {b}", "{k}", "sum {} {k}", "small", is_ordered=True),
    parity("_a", "{a}", "a {}"),
    parity("_for_b", "{b}", "b {}"),
)

LETTER_TESTS = table(
    condition("vowel", "a vowel", "consonant", '{x} in "aeiou"', '{x} not in "aeiou"'),
    condition("consonant", "no vowel", "vowel", '{x} not in "aeiou"', '{x} in "aeiou"'),
    condition("capital", "a capital", "small", "{x}.isupper()", "not {x}.isupper()"),
    condition("small", "a small letter", "capital", "{x}.islower()", "not {x}.islower()"),
    condition("digit", "a digit", "letter", "{x}.isdigit()", "not {x}.isdigit()"),
    condition("letter", "a letter", "digit", "{x}.isalpha()", "not {x}.isalpha()"),
    relations("", "{x}", '"{k}"', "{} {k}", "letter"),
    relations("_previous", "{x}", "{p}", "{} previous"),
)

VALUES = table(
    expression("item", "the {s}", "double opposite", "{x}"),
    expression("double", "twice the {s}", "half square", "{x} * 2 | 2 * {x} | {x} + {x}"),
    expression("square", "the {s} squared", "double", "{x} * {x} | {x} ** 2"),
    expression("half", "half the {s}", "double", "{x} // 2"),
    expression("opposite", "minus the {s}", "item absolute", "-{x} | 0 - {x}"),
    expression("absolute", "the size of the {s}", "item opposite", "abs({x})"),
    expression("plus", "the {s} plus {k}", "minus", "{x} + {k} | {k} + {x}", "small"),
    expression("minus", "the {s} minus {k}", "plus", "{x} - {k}", "small"),
    expression("times", "{k} times the {s}", "quotient", "{x} * {k} | {k} * {x}", "divisor"),
    expression("quotient", "the {s} over {k}", "times remainder", "{x} // {k}", "divisor"),
    expression("remainder", "the {s} modulo {k}", "quotient", "{x} % {k}", "divisor"),
)
DIGIT_VALUES = table(
    option for name, option in VALUES.items() if name not in ("absolute", "opposite", "item")
) | table(expression("item", "the {s}", "double", "{x}"))
PREVIOUS_VALUES = table(
    expression("rise", "the {s} minus previous", "with_previous", "{x} - {p}"),
    expression("with_previous", "the {s} plus previous", "rise", "{x} + {p} | {p} + {x}"),
)
ITEM_VALUES = VALUES | PREVIOUS_VALUES

PAIR_VALUES = table(
    expression("sum", "a plus b", "difference product", "{a} + {b} | {b} + {a}"),
    expression("difference", "a minus b", "sum reverse_difference", "{a} - {b}"),
    expression("reverse_difference", "b minus a", "difference", "{b} - {a}"),
    expression("product", "a times b", "sum", "{a} * {b} | {b} * {a}"),
    expression("larger", "the larger", "smaller", "max({a}, {b}) | max({b}, {a})"),
    expression("smaller", "the smaller", "larger", "min({a}, {b}) | min({b}, {a})"),
    expression("first", "a", "second", "{a}"),
    expression("second", "b", "first", "{b}"),
    expression("first_plus", "a plus {k}", "first_minus", "{a} + {k} | {k} + {a}", "small"),
    expression("first_minus", "a minus {k}", "first_plus", "{a} - {k}", "small"),
    expression("second_plus", "b plus {k}", "second_minus", "{b} + {k} | {k} + {b}", "small"),
    expression("second_minus", "b minus {k}", "second_plus", "{b} - {k}", "small"),
    expression("twice_first", "twice a", "twice_second", "{a} * 2 | 2 * {a} | {a} + {a}"),
    expression("twice_second", "twice b", "twice_first", "{b} * 2 | 2 * {b} | {b} + {b}"),
)

LETTERS = table(
    expression("same", "it", "raised twice", "{x}"),
    expression("raised", "it as a capital", "lowered same", "{x}.upper()"),
    expression("lowered", "it as a small letter", "raised", "{x}.lower()"),
    expression("twice", "it twice", "same", "{x} * 2 | {x} + {x} | 2 * {x}"),
    expression("marked", "it and {k}", "mark_first", '{x} + "{k}"', "mark"),
    expression("mark_first", "{k} and it", "marked", '"{k}" + {x}', "mark"),
)

SUM_OPS = table(
    expression("add", "add {v}", "subtract", "{t} «+=» {v} | {t} «= {t} +» {w}"),
    expression("subtract", "take away {v}", "add", "{t} «-=» {v} | {t} «= {t} -» {w}"),
)
LIST_OPS = table(
    expression("append", "append {v}", "prepend", "{t}«.append({v})» | {t} «+= [{v}]»"),
    expression("prepend", "prepend {v}", "append", "{t}«.insert(0, {v})» | {t} «= [{v}] + {t}»"),
)
TEXT_OPS = table(
    expression("write", "write {v}", "write_before", "{t} «+=» {v} | {t} «= {t} +» {w}"),
    expression("write_before", "write {v} before", "write", "{t} «= {v} + {t}»"),
)

COUNT_STEPS = table(
    expression("count", "add 1", "discount", "{t} += 1 | {t} = {t} + 1"),
    expression("discount", "take away 1", "count", "{t} -= 1 | {t} = {t} - 1"),
    expression("raise", "add {k}", "lower", "{t} += {k} | {t} = {t} + {k}", "several"),
    expression("lower", "take away {k}", "raise", "{t} -= {k} | {t} = {t} - {k}", "several"),
    expression("reset", "reset to 0", "restart negate", "{t} = 0"),
    expression("restart", "reset to 1", "reset", "{t} = 1"),
    expression("negate", "negate the total", "reset", "{t} = -{t} | {t} = 0 - {t}"),
    expression("doubling", "double the total", "halving", "{t} *= 2 | {t} = {t} * 2 | {t} += {t}"),
    expression("halving", "halve the total", "doubling", "{t} //= 2 | {t} = {t} // 2"),
)
NUMBER_STEPS = COUNT_STEPS | table(
    expression(
        "maximum", "keep the larger", "minimum", "{t} = max({t}, {x}) | {t} = max({x}, {t})"
    ),
    expression(
        "minimum", "keep the smaller", "maximum", "{t} = min({t}, {x}) | {t} = min({x}, {t})"
    ),
    expression("replace", "set to the item", "maximum", "{t} = {x}"),
)
GROWTH_STEPS = table(
    expression("count", "grow by 1", "two grow_item", "{t} += 1 | {t} = {t} + 1"),
    expression("two", "grow by 2", "count", "{t} += 2 | {t} = {t} + 2"),
    expression("grow_item", "grow by the item", "count", "{t} += {x} | {t} = {t} + {x}"),
    expression("grow_double", "double and grow by 1", "count", "{t} = {t} * 2 + 1"),
)
BREAK_STEPS = table(
    expression("reset", "fall to 0", "restart shrink", "{t} = 0"),
    expression("restart", "fall to 1", "reset", "{t} = 1"),
    expression("shrink", "fall by 1", "reset", "{t} -= 1 | {t} = {t} - 1"),
    expression("halving", "fall to half", "reset", "{t} //= 2 | {t} = {t} // 2"),
)
KEEP_STEPS = table(
    expression(
        "longest", "keep the longest", "shortest", "{b} = max({b}, {t}) | {b} = max({t}, {b})"
    ),
    expression(
        "shortest", "keep the lowest", "longest", "{b} = min({b}, {t}) | {b} = min({t}, {b})"
    ),
    expression("all", "keep the sum", "longest", "{b} += {t} | {b} = {b} + {t}"),
)

STARTS = table(
    expression("zero", "start at 0", "one", "0"),
    expression("one", "start at 1", "zero", "1"),
    expression("up", "start at {k}", "down", "{k}", "large"),
    expression("down", "start at minus {k}", "up", "-{k}", "large"),
)
NONES = table(
    expression("minus_one", "else return minus 1", "zero", "-1"),
    expression("zero", "else return 0", "minus_one", "0"),
    expression("length", "else return the length", "zero", "len({values})"),
    expression("constant", "else return {k}", "minus_constant", "{k}", "large"),
    expression("minus_constant", "else return minus {k}", "constant", "-{k}", "large"),
)
STOPS = table(
    expression("above", "stop when above {k}", "at_least", "{t} > {k} | {k} < {t}", "several"),
    expression("at_least", "stop when at least {k}", "above", "{t} >= {k} | {k} <= {t}", "several"),
    expression(
        "below", "stop when below minus {k}", "at_most", "{t} < -{k} | -{k} > {t}", "several"
    ),
    expression(
        "at_most", "stop when at most minus {k}", "below", "{t} <= -{k} | -{k} >= {t}", "several"
    ),
)


def _items(*rows: tuple[str, str, str, str, str, str]) -> Table:
    found = []
    for name, phrase, near, forms, ranged, constants in rows:
        option = expression(name, phrase, near, forms, constants)
        found.append(replace(option, ranged=tuple(ranged.split(" | ")) if ranged else ()))
    return table(found)


_LENGTH = "len({values})"
SLICES = _items(
    ("skip_first", "skip the first", "skip_last", "{values}[1:]", f"range(1, {_LENGTH})", ""),
    ("skip_last", "skip the last", "skip_first", "{values}[:-1]", f"range({_LENGTH} - 1)", ""),
    (
        "backwards",
        "go backwards",
        "skip_last",
        "{values}[::-1] | reversed({values})",
        f"range({_LENGTH} - 1, -1, -1)",
        "",
    ),
    (
        "every_other",
        "every other from the first",
        "every_second",
        "{values}[::2]",
        f"range(0, {_LENGTH}, 2)",
        "",
    ),
    (
        "every_second",
        "every other from the second",
        "every_other",
        "{values}[1::2]",
        f"range(1, {_LENGTH}, 2)",
        "",
    ),
    ("head", "only the first {k}", "after", "{values}[:{k}]", "", "few"),
    ("after", "after the first {k}", "head", "{values}[{k}:]", f"range({{k}}, {_LENGTH})", "few"),
    ("tail", "only the last {k}", "head", "{values}[-{k}:]", "", "few"),
)
ITEMS = SLICES | _items(
    ("ascending", "in ascending order", "descending", "sorted({values})", "", ""),
    ("descending", "in descending order", "ascending", "sorted({values}, reverse=True)", "", ""),
)
# None of these forgets the order, which would hide where an item was put.
LIST_ANSWERS = table(
    expression("reversed", "return it reversed", "without_first", "{t}[::-1]"),
    expression("without_first", "return all but the first", "without_last", "{t}[1:]"),
    expression("without_last", "return all but the last", "without_first", "{t}[:-1]"),
    expression("first_few", "return the first {k}", "last_few", "{t}[:{k}]", "few"),
    expression("last_few", "return the last {k}", "first_few", "{t}[-{k}:]", "few"),
    expression("odd_places", "return every other", "even_places", "{t}[::2]"),
    expression("even_places", "return every second", "odd_places", "{t}[1::2]"),
)
TEXT_ANSWERS = LIST_ANSWERS | table(
    expression("capitals", "return it in capitals", "small", "{t}.upper()"),
    expression("small", "return it in small letters", "capitals", "{t}.lower()"),
    expression("ended", "return it and {k}", "begun", '{t} + "{k}"', "mark"),
    expression("begun", "return {k} and it", "ended", '"{k}" + {t}', "mark"),
)
NUMBER_ANSWERS = table(
    expression("plus", "return plus {k}", "minus", "{t} + {k} | {k} + {t}", "small"),
    expression("minus", "return minus {k}", "plus", "{t} - {k}", "small"),
    expression("double", "return twice", "half", "{t} * 2 | 2 * {t} | {t} + {t}"),
    expression("half", "return half", "double", "{t} // 2"),
    expression("opposite", "return the opposite", "absolute", "-{t} | 0 - {t}"),
    expression("absolute", "return the size", "opposite", "abs({t})"),
    expression("times", "return {k} times", "quotient", "{t} * {k} | {k} * {t}", "divisor"),
    expression("quotient", "return over {k}", "times remainder", "{t} // {k}", "divisor"),
    expression("remainder", "return modulo {k}", "quotient", "{t} % {k}", "divisor"),
    expression("floor", "return at least {k}", "cap", "max({t}, {k}) | max({k}, {t})", "large"),
    expression("cap", "return at most {k}", "floor", "min({t}, {k}) | min({k}, {t})", "large"),
)

TABLES: dict[str, Table] = {
    "number tests": NUMBER_TESTS,
    "item tests": ITEM_TESTS,
    "digit tests": DIGIT_TESTS,
    "pair tests": PAIR_TESTS,
    "letter tests": LETTER_TESTS,
    "values": VALUES,
    "item values": ITEM_VALUES,
    "digit values": DIGIT_VALUES,
    "pair values": PAIR_VALUES,
    "letters": LETTERS,
    "sum": SUM_OPS,
    "list": LIST_OPS,
    "text": TEXT_OPS,
    "counts": COUNT_STEPS,
    "number steps": NUMBER_STEPS,
    "growth": GROWTH_STEPS,
    "breaks": BREAK_STEPS,
    "keeps": KEEP_STEPS,
    "starts": STARTS,
    "nones": NONES,
    "stops": STOPS,
    "slices": SLICES,
    "items": ITEMS,
    "list answers": LIST_ANSWERS,
    "text answers": TEXT_ANSWERS,
    "number answers": NUMBER_ANSWERS,
}
