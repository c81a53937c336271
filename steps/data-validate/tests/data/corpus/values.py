"""Rules about each value of a column, and about its nulls."""

import datetime
import math
import re
import unicodedata

from peers import column as one_column
from words import (
    ALL,
    NUMBERS,
    TIMES,
    Check,
    Column,
    Rule,
    around,
    draw,
    ends,
    facts_of,
    is_no_word,
    ours,
    q,
    sql,
)


def mostly_near(column: Column, holds) -> float:
    """The share of good values, or just beside it; or all of them."""
    bad = sum(1 for value in column.some if not holds(value))
    tested = len(column.some)
    if not bad or bad == tested or draw.random() < 0.6:
        return 1.0
    return draw.choice([(tested - bad) / tested, round((tested - bad + 0.5) / tested, 7), round((tested - bad - 0.5) / tested, 7)])


def share_of(values, holds, mostly) -> bool:
    """Whether so many of the values are good."""
    return sum(map(holds, values)) / len(values) >= mostly if values else True


def each_value(table, column, key, content, condition, holds, gx=None, pandera=None, **facts) -> Rule:
    mostly = mostly_near(column, holds)
    if mostly < 1.0:
        for reason, aside in [
            ("nan_turns", lambda value: value != value),
            ("words_turn", is_no_word if column.physical == "csv" else lambda value: False),
        ]:
            rest = [value for value in column.some if not aside(value)]
            facts[reason] = int(len(rest) < len(column.some) and share_of(rest, holds, mostly) != share_of(column.some, holds, mostly))
        content = {**content, "mostly": mostly}
        gx = gx and (gx[0], {**gx[1], "mostly": mostly})
        pandera = None
    wrong = [value for value in column.some if not holds(value)]
    facts["nan_bad"] = sum(1 for value in wrong if value != value)
    if column.misread and key not in ("in_set", "not_in_set"):
        gx = pandera = None
    elif column.misread:
        facts["misread"] = len(wrong) if key == "not_in_set" else len(wrong) - len(column.some)
    facts["words_bad"] = sum(map(is_no_word, wrong)) if column.physical == "csv" else 0
    bad = f"count(*) filter (where not ({condition}))"
    good = f"coalesce((count({q(column.name)}) - {bad}) / count({q(column.name)}) >= {mostly!r}::double, true)"
    query = f"select {good if mostly < 1.0 else f'{bad} = 0'}, {bad} from t"
    return Rule(f"{key}:t.{column.name}", key, (("columns", column.name, key), content), [column.name], query, gx, pandera, facts)


def range_(table):
    column = draw.choice([column for column in table.of(*NUMBERS, *TIMES) if column.exact])
    low, high = ends(column)
    which = draw.choice(["both", "both", "both", "min", "max"])
    low, high = (None if which == "max" else low), (None if which == "min" else high)
    open_low, open_high = low is not None and draw.random() < 0.25, high is not None and draw.random() < 0.25
    if low == high:
        open_low = open_high = False
    content, parts, tests, gx = {}, [], [], {"column": column.name}
    checks = []
    if low is not None:
        content["min"], gx["min_value"] = ours(low), low
        parts.append(f"{q(column.name)} {'>' if open_low else '>='} {sql(low, column)}")
        tests.append(lambda value: value > low if open_low else value >= low)
        checks.append(Check.gt(low) if open_low else Check.ge(low))
    if high is not None:
        content["max"], gx["max_value"] = ours(high), high
        parts.append(f"{q(column.name)} {'<' if open_high else '<='} {sql(high, column)}")
        tests.append(lambda value: value < high if open_high else value <= high)
        checks.append(Check.lt(high) if open_high else Check.le(high))
    if open_low:
        content["exclusive_min"] = gx["strict_min"] = True
    if open_high:
        content["exclusive_max"] = gx["strict_max"] = True
    if len(checks) == 2:
        checks = [Check.in_range(low, high, include_min=not open_low, include_max=not open_high)]
    facts = {}
    if which == "min":
        facts["nan_above"] = facts_of(column).get("nan", 0)
    holds = lambda value: all(test(value) for test in tests)
    if column.kind in ("int", "decimal"):
        # The same with the doubles next to the bounds, which pandas makes of whole numbers too.
        low, high = (None if end is None else float(end) for end in (low, high))
        facts["edge"] = -sum(not holds(float(value) if column.physical == "int64" else value) for value in column.some)
        low, high = gx.get("min_value"), gx.get("max_value")
        facts["edge"] += sum(not holds(value) for value in column.some)
    return each_value(table, column, "range", content, " and ".join(parts), holds,
                      ("ExpectColumnValuesToBeBetween", gx), one_column(column.name, *checks), **facts)  # fmt: skip


def set_(table):
    column = draw.choice(table.of("int", "float", "decimal", *TIMES, "text", "bool"))
    known = sorted({value for value in column.some if value == value and value not in (math.inf, -math.inf)})
    known = known or [{"text": "a", "bool": True}.get(column.kind) or ends(column)[0]]
    negated = draw.random() < 0.4
    if negated:
        few = draw.sample(known, min(len(known), draw.choice([0, 0, 1])))
        values = few + [{"text": "none of them", "int": 10**6, "float": 0.123}.get(column.kind, known[0])]
    else:
        values = [value for value in known if len(known) == 1 or draw.random() < draw.choice([0.9, 1, 1])] or known[:1]
    if len(values) > 60:
        values = values[:60]
    key, word, name = (
        ("not_in_set", "not in", "ExpectColumnValuesToNotBeInSet") if negated else ("in_set", "in", "ExpectColumnValuesToBeInSet")
    )
    # A set with 0.1 of 32 bits in it: as the column holds it.
    listed = ", ".join(sql(value, column) for value in values)
    check = Check.notin(values) if negated else Check.isin(values)
    return each_value(table, column, key, {"values": [ours(value) for value in values]}, f"{q(column.name)} {word} ({listed})",
                      lambda value: (value in values) != negated, (name, {"column": column.name, "value_set": values}),
                      one_column(column.name, check))  # fmt: skip


PATTERNS = [r"^[a-z]+$", r"\d", r"^\w+$", r"\s", r".", r"^$", "é", r"[^\x00-\x7F]", r"^N\d{3}[abc]$", r"^N\d{3}[ab]$", "a.b", r"^\S+$",
            r"\bx", r"^.{3,5}$", r"ta$", "^(alpha|beta)", r"a$", r"[A-Z]", r"(?i)STRASSE|alpha", r"\W", r"^\D*$"]  # fmt: skip


def marked(text: str) -> str:
    """The text with a letter for each mark and joiner."""
    return "".join("a" if unicodedata.category(char)[0] == "M" or char in "\u200c\u200d" else char for char in text)


def regex(table):
    column = draw.choice(table.of("text") + 3 * [column for column in table.of("text") if column.name in ("blank", "unicode")])
    pattern = draw.choice([pattern for pattern in PATTERNS if "$" in pattern] if column.name == "blank" else PATTERNS)
    negated = draw.random() < 0.35
    exact = pattern.replace("$", r"\Z")
    # What makes part of a word: for us also marks and joiners, as Unicode has it.
    seen = marked if re.search(r"\\[wWb]", pattern) else str
    bad = lambda found: sum(1 for value in column.some if (found(value) is not None) == negated)
    ours_bad = bad(lambda value: re.search(exact, seen(value)))
    facts = {
        "ascii": ours_bad - bad(lambda value: re.search(exact, value, re.ASCII)),
        "line_end": bad(lambda value: re.search(exact, value)) - bad(lambda value: re.search(pattern, value)),
        "marks": ours_bad - bad(lambda value: re.search(exact, value)),
    }
    key, name = ("not_regex", "ExpectColumnValuesToNotMatchRegex") if negated else ("regex", "ExpectColumnValuesToMatchRegex")
    condition = f"{'not ' if negated else ''}regexp_matches({q(column.name)}, {sql(pattern)})"
    holds = lambda value: (re.search(exact, seen(value)) is not None) != negated
    pandera = None if negated else one_column(column.name, Check.str_contains(pattern))
    return each_value(
        table, column, key, {"pattern": pattern}, condition, holds, (name, {"column": column.name, "regex": pattern}), pandera, **facts
    )


def length(table):
    column = draw.choice(table.of("text"))
    lengths = sorted(map(len, column.some)) or [1]
    low, high = lengths[draw.choice([0, 0, len(lengths) // 20])], lengths[-draw.choice([1, 1, 1 + len(lengths) // 20])]
    which = draw.choice(["both", "both", "min", "max"])
    content, parts, gx = {}, [], {"column": column.name}
    if which != "max":
        content["min"] = gx["min_value"] = low
        parts.append(f"length({q(column.name)}) >= {low}")
    if which != "min":
        content["max"] = gx["max_value"] = high
        parts.append(f"length({q(column.name)}) <= {high}")
    holds = lambda value: content.get("min", 0) <= len(value) <= content.get("max", 10**9)
    check = Check.str_length(content.get("min"), content.get("max"))
    return each_value(
        table,
        column,
        "length",
        content,
        " and ".join(parts),
        holds,
        ("ExpectColumnValueLengthsToBeBetween", gx),
        one_column(column.name, check),
    )


def finite(table):
    column = draw.choice(table.of("float"))
    return each_value(table, column, "finite", {}, f"isfinite({q(column.name)})", math.isfinite)


FORMS = ["%Y-%m-%d", "%d.%m.%Y", "%H:%M", "%Y-%m-%d %H:%M:%S"]


def datetime_format(table):
    column = draw.choice([column for column in table.of("text") if column.name in ("iso", "german", "clock", "stamp", "number")])
    form = draw.choice([{"iso": FORMS[0], "german": FORMS[1], "clock": FORMS[2], "stamp": FORMS[3]}.get(column.name, FORMS[0])] * 4 + FORMS)

    def holds(value):
        try:
            datetime.datetime.strptime(value, form)
        except ValueError:
            return False
        return True

    condition = f"try_strptime({q(column.name)}, {sql(form)}) is not null or {q(column.name)} is null"
    gx = ("ExpectColumnValuesToMatchStrftimeFormat", {"column": column.name, "strftime_format": form})
    return each_value(table, column, "datetime_format", {"format": form}, condition, holds, gx)


STRICT = {
    "int": "[+-]?[0-9]+",
    "float": r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?",
    "date": "[0-9]{4}-[0-9]{2}-[0-9]{2}",
    "bool": "true|false",
}


def castable(table):
    column = draw.choice(table.of("text"))
    to = draw.choice(["int", "int", "float", "date", "date", "bool"])
    type_ = {"int": "bigint", "float": "double", "date": "date", "bool": "boolean"}[to]
    condition = f"try_cast({q(column.name)} as {type_}) is not null or {q(column.name)} is null"
    rule = each_value(table, column, "castable", {"to": to}, condition, lambda value: True)
    # DuckDB rounds 0.76 to 1 on the way to a whole number, and takes 2013/01/01 for a date.
    strict = f"not regexp_full_match({q(column.name)}, {sql(STRICT[to])})"
    rule.asked["lenient"] = f"select count(*) filter (where try_cast({q(column.name)} as {type_}) is not null and {strict}) from t"
    return rule


def in_order(column, key, strict) -> bool:
    """Whether the values are, without those that are NaN."""
    values = [value for value in column.some if value == value]
    pairs = zip(values, values[1:]) if key == "increasing" else zip(values[1:], values)
    return all(a < b if strict else a <= b for a, b in pairs)


def sequence(table):
    column = draw.choice([column for column in table.of(*NUMBERS, *TIMES, "text") if column.exact])
    key = draw.choice(["increasing", "increasing", "decreasing"])
    strict = draw.random() < 0.3
    name = q(column.name)
    sign = {"increasing": "<", "decreasing": ">"}[key] + ("=" if strict else "")
    content = {"strict": True} if strict else {}
    query = f"select count(*) filter (where {name} {sign} before) = 0, count(*) filter (where {name} {sign} before) from (select {name}, lag({name}) over (order by _row) as before from t where {name} is not null)"
    gx = ("ExpectColumnValuesToBe" + key.title(), {"column": column.name, "strictly": strict})

    facts = {
        "nan_decides": int(facts_of(column).get("nan", 0) and in_order(column, key, strict)),
        "strict_nan": int(strict and all(value != value for value in column.some)),
    }

    def monotonic(series):
        some = series.dropna()
        return bool(getattr(some, f"is_monotonic_{key}") and (not strict or some.is_unique))

    return Rule(
        f"{key}:t.{column.name}",
        key,
        (("columns", column.name, key), content or True),
        [column.name],
        query,
        gx,
        one_column(column.name, Check(monotonic)),
        facts,
    )


def not_null(table):
    column = draw.choice(table.of(*ALL))
    name = q(column.name)
    query = f"select count(*) = count({name}), count(*) - count({name}) from t"
    return Rule(f"not_null:t.{column.name}", "not_null", (("columns", column.name, "not_null"), True), [column.name], query,
                ("ExpectColumnValuesToNotBeNull", {"column": column.name}), one_column(column.name, nullable=False))  # fmt: skip


def null_rate(table):
    column = draw.choice(table.of(*ALL))
    rows, nulls = table.rows, column.values.count(None)
    most = min(1.0, max(0.0, round((nulls + draw.choice([0.5, -0.5, 3.5, -3.5])) / rows, 7)))
    name = q(column.name)
    query = f"select (count(*) - count({name})) / count(*) <= {most!r}::double, count(*) - count({name}) from t"
    gx = ("ExpectColumnValuesToNotBeNull", {"column": column.name, "mostly": 1 - most})
    return Rule(f"null_rate:t.{column.name}", "null_rate", (("columns", column.name, "null_rate"), {"max": most}), [column.name], query, gx)


def null_count(table):
    column = draw.choice(table.of(*ALL))
    nulls = column.values.count(None)
    bounds, between = around(nulls)
    name = q(column.name)
    return Rule(f"null_count:t.{column.name}", "null_count", (("columns", column.name, "null_count"), bounds), [column.name],
                f"select count(*) - count({name}) {between}, count(*) - count({name}) from t")  # fmt: skip


def special_rate(table):
    column = draw.choice(table.of("float"))
    kind, test = draw.choice([("nan_rate", "isnan"), ("inf_rate", "isinf")])
    some = len(column.some) or 1
    count = facts_of(column).get(kind[:3], 0)
    most = min(1.0, max(0.0, round((count + draw.choice([0.5, -0.5])) / some, 7)))
    share = f"(count(*) filter (where {test}({q(column.name)}))) / nullif(count({q(column.name)}), 0)"
    return Rule(
        f"{kind}:t.{column.name}",
        kind,
        (("columns", column.name, kind), {"max": most}),
        [column.name],
        f"select {share} <= {most!r}::double, {share} from t",
    )


def presence(table):
    column = draw.choice(table.of(*ALL))
    name = q(column.name)
    if draw.random() < 0.4:
        gx = ("ExpectColumnProportionOfNonNullValuesToBeBetween", {"column": column.name, "min_value": 0, "strict_min": True})
        return Rule(f"not_empty:t.{column.name}", "not_empty", (("columns", column.name, "not_empty"), True), [column.name],
                    f"select count({name}) > 0, count({name}) from t", gx)  # fmt: skip
    gx = ("ExpectColumnUniqueValueCountToBeBetween", {"column": column.name, "min_value": 2})
    facts = {"nan_decides": int("nan" in facts_of(column) and len({value for value in column.some if value == value}) == 1)}
    return Rule(f"not_constant:t.{column.name}", "not_constant", (("columns", column.name, "not_constant"), True), [column.name],
                f"select count(distinct {name}) > 1, count(distinct {name}) from t", gx, one_column(column.name, Check(lambda series: series.nunique() > 1)), facts)  # fmt: skip
