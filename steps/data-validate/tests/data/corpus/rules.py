"""The rules of the corpus: which are drawn for a table.

Each is drawn with bounds near the truth, so that about half of them do not hold. What is known of the data (`facts`) is counted by these
scripts and never asked of `data-validate`.
"""

import json

from conditions import bounded, of_numbers, of_text, of_time, pair, sum_to, sums
from figures import (
    compound,
    contains,
    correlation,
    distinct,
    duplicate_rows,
    figure,
    spread,
    unique,
    value_share,
)
from values import (
    castable,
    datetime_format,
    finite,
    length,
    not_null,
    null_count,
    null_rate,
    presence,
    range_,
    regex,
    sequence,
    set_,
    special_rate,
)
from whole import column_count, column_order, relationship, row_count, type_
from words import NUMBERS, TIMES, Rule, Table, draw, facts_of, judged


def drawers(table):
    """How each kind of rule is drawn for this table, more often what is asked more often."""
    has = lambda *kinds: len(table.of(*kinds))
    found = (
        [not_null] * 3
        + [null_rate] * 2
        + [
            null_count,
            presence,
            distinct,
            distinct,
            unique,
            unique,
            row_count,
            column_count,
            column_order,
            type_,
            type_,
            type_,
            duplicate_rows,
        ]
    )
    if has(*NUMBERS, *TIMES):
        found += [range_] * 6
    if has(*NUMBERS, *TIMES, "text"):
        found += [sequence] * 2
    found += [set_] * 3
    if has("text"):
        found += [regex] * 5 + [length] * 3 + [of_text] * 2
    if any(column.physical.startswith("dictionary") for column in table.columns.values()):
        found += [type_] * 5
    if any({"nan", "inf"} & set(facts_of(column)) for column in table.of("float")):
        found += [figure] * 8 + [correlation] * 2
    if any(facts_of(column).get("large") for column in table.of("int")):
        found += [figure] * 6
    if "blank" in table.columns:
        found += [regex] * 4
    if has("float"):
        found += [finite, special_rate, special_rate]
    if {"iso", "german", "clock"} & set(table.columns):
        found += [datetime_format] * 12 + [castable] * 8
    if has("int", "float", "decimal"):
        found += [figure] * 6 + [bounded] * 2
    if has("int", "text", "bool", "float", "date"):
        found += [contains, spread]
    if has("text", "bool", "int"):
        found += [value_share]
    if has("int", "text", "date", "bool", "float", "decimal") > 2:
        found += [compound] * 2
    if has("float", "int") > 1:
        found += [correlation] + [of_numbers] * 2
    if has("int", "float") > 1 or has("date") > 1 or has("decimal") > 1 or has("timestamp") > 3:
        found += [pair] * 3
    if has("int") > 2 or has("decimal") > 2:
        found += [sums] * (8 if has("decimal") > 2 else 2)
    if has("int") > 1:
        found += [sum_to]
    if has(*TIMES):
        found += [of_time] * 2
    if table.parents:
        found += [relationship] * 30
    return found


def key_of(rule: Rule):
    """Where it stands in the suite; two rules cannot stand in one place."""
    path, content = rule.put
    if path[0] in ("unique", "correlations", "relationships"):
        return rule.check
    if path[0] == "expressions":
        return json.dumps([content[0]["expression"], content[0].get("where")])
    return path


def drawn(table: Table, count: int) -> list[Rule]:
    found, taken, checks = [], set(), set()
    ways = drawers(table)
    while len(found) < count:
        rule = judged(draw.choice(ways)(table), table)
        if key_of(rule) in taken or rule.check in checks:
            continue
        taken.add(key_of(rule))
        checks.add(rule.check)
        found.append(rule)
    return found
