"""Conditions over the columns of a row."""

import collections
import datetime
import operator

from peers import whole
from words import NUMBERS, Rule, draw, ends, facts_of, is_no_word, q, sql

counter = 0


def filters(table):
    """Conditions that choose rows: in SQL (which is ours), and in pandas' words."""
    found = []
    for column in table.of("text", "bool", "int"):
        values = column.some
        if not values or not column.name.isidentifier():
            continue
        value = draw.choice(values)
        if is_no_word(value) or column.misread:
            continue
        if column.kind == "bool":
            found.append((f"{column.name} = true", f"{column.name} == True"))
        elif column.kind == "int":
            found.append((f"{column.name} > {value}", f"{column.name} > {value}"))
        elif value.isalnum() and value.isascii():
            found.append((f"{column.name} = {sql(value)}", f"{column.name} == '{value}'"))
    return found


def expression_rule(text, columns, gx=None, pandera=None, where=None, **facts):
    global counter
    counter += 1
    name = f"e{counter}"
    content = {"name": name, "expression": text, **({"where": where[0]} if where else {})}
    only = f" where {where[0]}" if where else ""
    bad = f"count(*) filter (where not ({text}))"
    query = f"select {bad} = 0, {bad} from t{only}"
    if gx and where:
        gx = (gx[0], {**gx[1], "row_condition": where[1], "condition_parser": "pandas"})
    schema = pandera and whole(lambda frame: pandera(frame.query(where[1]) if where else frame).reindex(frame.index, fill_value=True))
    nan = " or ".join(f"isnan({q(name)})" for name in columns["float"]) or "false"
    some = " and ".join(f"{q(name)} is not null" for name in columns["all"])
    and_ = f" and {where[0]}" if where else ""
    asked = {
        "nan_rows": f"select count(*) from t where ({nan}) and {some}{and_}",
        "nan_true": f"select count(*) from t where ({nan}) and ({text}){and_}",
        "no_row": f"select (count(*) filter (where ({text}) is not null) = 0)::int from t{only}",
    }
    return Rule(f"expression:t.{name}", "expression", (("expressions",), [content]), columns["all"], query, gx, schema, facts, asked=asked)


def named(*columns):
    return {"all": [column.name for column in columns], "float": [column.name for column in columns if column.kind == "float"]}


def maybe_filter(table):
    return draw.choice(filters(table) or [None]) if draw.random() < 0.35 else None


def pair(table):
    """One column against another."""
    groups = [
        group
        for group in (
            table.of("int", "float"),
            table.of("date"),
            [column for column in table.of("decimal") if column.exact],
            [column for column in table.of("timestamp") if not column.zoned],
            [column for column in table.of("timestamp") if column.zoned],
        )
        if len(group) > 1
    ]
    a, b = draw.sample(draw.choice(groups), 2)
    sign = draw.choice(["<=", "<", ">=", ">"])
    up, down = (a, b) if sign in (">", ">=") else (b, a)
    gx = (
        "ExpectColumnPairValuesAToBeGreaterThanB",
        {"column_A": up.name, "column_B": down.name, "or_equal": "=" in sign, "ignore_row_if": "either_value_is_missing"},
    )

    def holds(frame):
        x, y = frame[a.name], frame[b.name]
        some = x.notna() & y.notna()
        compare = {"<=": x.le, "<": x.lt, ">=": x.ge, ">": x.gt}[sign]
        return compare(y) | ~some

    # pandas compares whole numbers with and without a sign as doubles.
    test = {"<=": operator.le, "<": operator.lt, ">=": operator.ge, ">": operator.gt}[sign]
    both = [(x, y) for x, y in zip(a.values, b.values) if x is not None and y is not None and a.kind == b.kind == "int"]
    edge = sum(test(float(x), float(y)) - test(x, y) for x, y in both) if "uint64" in (a.physical, b.physical) else 0
    where = None if edge else maybe_filter(table)
    return expression_rule(f"{a.name} {sign} {b.name}", named(a, b), gx, holds, where, edge=edge)


def bounded(table):
    """A column against a number, for some of the rows."""
    column = draw.choice([column for column in table.of(*NUMBERS) if column.exact])
    low, _ = ends(column)
    written = f"{low:.6f}" if isinstance(low, float) else str(low)
    low = type(low)(written)
    gx = ("ExpectColumnValuesToBeBetween", {"column": column.name, "min_value": low, "strict_min": True})
    pandera = lambda frame: (frame[column.name] > low) | frame[column.name].isna()
    if column.kind != "decimal" and abs(low) < 2**53:
        return expression_rule(f"{column.name} > {written}", named(column), gx, pandera, maybe_filter(table))
    # The same with the double next to the bound, which pandas makes of whole numbers too.
    near = float if column.physical == "int64" else lambda value: value
    edge = sum((value <= low) - (near(value) <= float(low)) for value in column.some)
    return expression_rule(f"{column.name} > {written}", named(column), gx, pandera, edge=edge)


def sums(table):
    known = table.of("decimal") if len(table.of("decimal")) > 2 else table.of("int")
    # Of money, what is meant to be a sum more often.
    a, b, c = known[:3] if known[0].kind == "decimal" and draw.random() < 0.5 else draw.sample(known, 3)
    sign, compare = draw.choice(["+", "-"]), draw.choice(["=", "=", "<=", "!="])
    return expression_rule(f"{a.name} {sign} {b.name} {compare} {c.name}", named(a, b, c), where=maybe_filter(table))


def sum_to(table):
    # pandas adds numbers as doubles where one of them has nulls, or when they go beyond 64 bits.
    a, b = draw.sample([column for column in table.of("int") if not facts_of(column).get("large")], 2)
    rows = [x + y for x, y in zip(a.values, b.values) if x is not None and y is not None] or [0]
    total = collections.Counter(rows).most_common(1)[0][0]
    gx = ("ExpectMulticolumnSumToEqual", {"column_list": [a.name, b.name], "sum_total": total, "ignore_row_if": "any_value_is_missing"})
    holds = lambda frame: (frame[a.name] + frame[b.name] == total) | frame[a.name].isna() | frame[b.name].isna()
    return expression_rule(f"{a.name} + {b.name} = {total}", named(a, b), gx, holds, maybe_filter(table))


def of_text(table):
    column = draw.choice(table.of("text"))
    name = column.name
    value = draw.choice(column.some or ["a"])
    forms = [
        (f"length({name}) between 1 and {len(value)}", lambda s: s.str.len().between(1, len(value))),
        (f"lower({name}) = {name}", lambda s: s.str.lower() == s),
        (f"upper({name}) != {name}", lambda s: s.str.upper() != s),
        (f"{name} like 'a%'", lambda s: s.str.startswith("a")),
        (f"{name} not like '%a%'", lambda s: ~s.str.contains("a")),
        (f"{name} in ({sql(value)}, 'alpha', 'beta')", lambda s: s.isin([value, "alpha", "beta"])),
        (f"{name} >= {sql(value)}", lambda s: s >= value),
        (f"{name} is not null and {name} != ''", None),
    ]
    text, test = draw.choice(forms)
    pandera = test and (lambda frame: test(frame[name].astype(object).fillna("")).astype(bool) | frame[name].isna())
    if column.physical == "csv":
        pandera = None
    return expression_rule(text, named(column), None, pandera, maybe_filter(table))


def of_time(table):
    column = draw.choice(table.of("date", "timestamp"))
    name = column.name
    value = draw.choice(column.some or [datetime.date(2013, 1, 1)])
    text = draw.choice([
        f"year({name}) = {value.year}", f"month({name}) <= {value.month}", f"day({name}) between 1 and 28", f"{name} >= '{value.year}-03-01'",
        f"{name} < '{value.year + 1}-01-01' and {name} >= '{value.year}-01-01'", *([f"hour({name}) < 23"] if column.kind == "timestamp" else []),
    ])  # fmt: skip
    return expression_rule(text, named(column), where=maybe_filter(table))


def of_numbers(table):
    a, b = draw.sample(table.of("int", "float"), 2)
    k = draw.choice([0, 1, 3, 10])
    text = draw.choice([
        f"coalesce({a.name}, {b.name}, 0) >= {k}", f"{a.name} is not null or {b.name} > {k}", f"abs({a.name}) <= {k} or {b.name} is null",
        f"greatest({a.name}, {b.name}) > {k}", f"not ({a.name} > {k} and {b.name} > {k})", f"{a.name} * 2 - {b.name} < {k}",
        f"{a.name} between -{k} and {k} or {b.name} != {k}", f"{a.name} in (1, 2, {k}) or {a.name} > {k}",
    ])  # fmt: skip
    exact = [column for column in (a, b) if not facts_of(column).get("nan")]
    if len(exact) < 2:
        text = f"{a.name} is not null or {b.name} is not null"
    return expression_rule(text, {"all": [a.name, b.name], "float": []}, where=maybe_filter(table))
