"""Rules about the values of a column together: how many, how often, and the figures of numbers."""

import collections
import datetime
import math

import pandas as pd
import pandera.pandas as pa
import scipy.stats

from peers import column as one_column
from peers import whole
from words import (
    ALL,
    Check,
    Rule,
    around,
    draw,
    facts_of,
    gx_bounds,
    is_no_word,
    ours,
    q,
    sql,
)


def within(value, bounds) -> bool:
    return value is not None and not math.isnan(value) and bounds.get("min", -math.inf) <= value <= bounds.get("max", math.inf)


def decides(column, without, with_nan, bounds) -> dict:
    """Whether the verdict hangs on NaN being a value."""
    turns = "nan" in facts_of(column) and within(without, bounds) != within(with_nan, bounds)
    return {"nan_decides": int(turns)}


def distinct(table):
    column = draw.choice(table.of(*ALL))
    count = len({value for value in column.some if value == value})
    name = q(column.name)
    if draw.random() < 0.6 or not column.some:
        bounds, between = around(count)
        gx = ("ExpectColumnUniqueValueCountToBeBetween", {"column": column.name, **gx_bounds(bounds)})
        low, high = bounds.get("min", 0), bounds.get("max", 10**18)
        words = words_of(column, column.some)
        return Rule(f"distinct_count:t.{column.name}", "distinct_count", (("columns", column.name, "distinct_count"), bounds), [column.name],
                    f"select count(distinct {name}) {between}, count(distinct {name}) from t", gx,
                    one_column(column.name, Check(lambda series: low <= series.nunique() <= high)), facts={**decides(column, count, count + 1, bounds), "distinct_words": words, "words_decide": int(within(count, bounds) != within(count - words, bounds))})  # fmt: skip
    share = count / len(column.some)
    least = min(1.0, max(0.0, round(share + draw.choice([-0.003, 0.003, -0.02]), 7)))
    gx = ("ExpectColumnProportionOfUniqueValuesToBeBetween", {"column": column.name, "min_value": least})
    share = f"count(distinct {name}) / count({name})"
    return Rule(f"unique_rate:t.{column.name}", "unique_rate", (("columns", column.name, "unique_rate"), {"min": least}), [column.name],
                f"select {share} >= {least!r}::double, {share} from t", gx)  # fmt: skip


def unique(table):
    column = draw.choice([column for column in table.of(*ALL) if len(set(column.some)) > 5 or draw.random() < 0.2] or table.of(*ALL))
    name = q(column.name)
    query = f"select count({name}) = count(distinct {name}), count({name}) - count(distinct {name}) from t"
    gx, pandera = (
        ("ExpectColumnValuesToBeUnique", {"column": column.name}),
        one_column(column.name, unique=True, report_duplicates="exclude_first"),
    )
    if facts_of(column).get("words"):
        gx = pandera = None
    return Rule(f"unique:t.{column.name}", "unique", (("columns", column.name, "unique"), True), [column.name], query, gx, pandera)


def compound(table):
    columns = draw.sample(
        table.of("int", "text", "date", "bool", "float", "decimal"), draw.choice([2, 2, 3]) if len(table.columns) > 3 else 2
    )
    names = [column.name for column in columns]
    rows = list(zip(*[column.values for column in columns]))
    full = [row for row in rows if None not in row]
    same = collections.Counter(full)
    repeats = len(full) - len(same)
    key = ", ".join(map(q, names))
    none = " and ".join(f"{q(name)} is not null" for name in names)
    allowed = draw.choice([0, 0, max(0, repeats - 1), repeats])
    content = {"columns": names, **({"max_duplicate_rows": allowed} if allowed else {})}
    query = f"select coalesce(sum(n - 1), 0) <= {allowed}, coalesce(sum(n - 1), 0) from (select count(*) as n from t where {none} group by {key})"
    ignore = draw.choice(["any_value_is_missing", "all_values_are_missing"])
    of_nan = any(value != value for row in rows for value in row)
    gx = None if allowed or of_nan else ("ExpectCompoundColumnsToBeUnique", {"column_list": names, "ignore_row_if": ignore})
    pandera = (
        None
        if allowed or of_nan
        else pa.DataFrameSchema({name: pa.Column(nullable=True) for name in names}, unique=names, report_duplicates="exclude_first")
    )
    if any(facts_of(column).get("words") for column in columns):
        gx = pandera = None
    with_nulls = collections.Counter(tuple(None if value != value else value for value in row) for row in rows)
    apart = lambda keep: sum(count for row, count in with_nulls.items() if count > 1 and None in row and keep(row))
    beyond = lambda keep: sum(count - 1 for row, count in with_nulls.items() if count > 1 and None in row and keep(row))
    some = lambda row: any(value is not None for value in row)
    facts = {
        "repeated": sum(1 for count in same.values() if count > 1),
        "null_repeats": beyond(some),
        "all_null_repeats": beyond(lambda row: not some(row)),
        "null_rows": apart(some) if ignore == "all_values_are_missing" else 0,
        "no_value": int(not full),
    }
    return Rule(f"unique:t.({', '.join(names)})", "unique_key", (("unique",), [content]), names, query, gx, pandera, facts)


def duplicate_rows(table):
    names = list(table.columns)
    rows = list(zip(*[[repr(value) for value in column.values] for column in table.columns.values()]))
    bounds, between = around(len(rows) - len(set(rows)))
    listed = ", ".join(map(q, names))
    count = f"(select count(*) from t) - (select count(*) from (select distinct {listed} from t))"
    strict = (
        pa.DataFrameSchema({name: pa.Column(nullable=True) for name in names}, unique=names, report_duplicates="exclude_first")
        if bounds == {"max": 0}
        else None
    )
    return Rule(
        "duplicate_rows:t", "duplicate_rows", (("duplicate_rows",), bounds), names, f"select {count} {between}, {count}", None, strict
    )


def words_of(column, values) -> int:
    """How many of these values pandas takes for nulls."""
    return len({value for value in values if is_no_word(value)}) if column.physical == "csv" else 0


def contains(table):
    column = draw.choice(table.of("int", "text", "bool", "float", "date"))
    known = sorted({value for value in column.some if value == value and value not in (math.inf, -math.inf)})
    values = draw.sample(known, min(len(known), 3))
    if not values or draw.random() < 0.5:
        values = [
            *values,
            {"int": -77777, "text": "not there", "bool": False, "float": 0.0625, "date": datetime.date(1800, 1, 1)}[column.kind],
        ]
    there = " and ".join(f"coalesce(bool_or({q(column.name)} = {sql(value, column)}), false)" for value in values)
    facts = {
        "misread_there": int(column.misread and set(values) <= set(known)),
        "words_there": int(words_of(column, values) and set(values) <= set(known)),
    }
    gx = ("ExpectColumnDistinctValuesToContainSet", {"column": column.name, "value_set": values})
    pandera = one_column(column.name, Check(lambda series: all(bool((series == value).any()) for value in values)))
    return Rule(
        f"contains:t.{column.name}",
        "contains",
        (("columns", column.name, "contains"), [ours(value) for value in values]),
        [column.name],
        f"select {there}, null from t",
        gx,
        pandera,
        facts,
    )


def value_share(table):
    column = draw.choice(table.of("text", "bool", "int"))
    value = draw.choice(column.some or [True if column.kind == "bool" else 1 if column.kind == "int" else "a"])
    text = str(value).lower() if column.kind == "bool" else str(value)
    share = column.some.count(value) / (len(column.some) or 1)
    bound = min(1.0, max(0.0, round(share + draw.choice([0.002, -0.002]), 7)))
    bounds = draw.choice([{"min": bound}, {"max": bound}])
    sign = ">=" if "min" in bounds else "<="
    ratio = f"(count(*) filter (where {q(column.name)} = {sql(value)})) / nullif(count({q(column.name)}), 0)"
    # A text with a line break is a key of a mapping all the same.
    return Rule(f"value_share:t.{column.name}={text}", "value_share", (("columns", column.name, "value_shares"), {text: bounds}), [column.name],
                f"select {ratio} {sign} {bound!r}::double, {ratio} from t", None,
                None if column.physical == "csv" and column.kind == "text" else one_column(column.name, Check(lambda series: share_holds(series.dropna(), value, bounds))))  # fmt: skip


def share_holds(series, value, bounds):
    share = (series == value).mean()
    return bool(bounds.get("min", 0) <= share <= bounds.get("max", 1))


def truth_of(kind: str, counts: list[int]) -> float:
    return float(scipy.stats.entropy(counts)) if kind == "entropy" else max(counts) / min(counts)


def spread(table):
    column = draw.choice(table.of("int", "text", "bool", "date", "float"))
    counts = collections.Counter("NaN" if value != value else value for value in column.some)
    kind = draw.choice(["entropy", "imbalance"])
    name = q(column.name)
    truth = truth_of(kind, list(counts.values()) or [1])
    bound = max(0.0, round(truth + draw.choice([0.01, -0.01]), 6))
    query = {
        "entropy": f"select case when count(n) > 0 then -sum(n / total * ln(n / total)) end as v from (select n, sum(n) over () as total from (select count(*) as n from t where {name} is not null group by {name}))",
        "imbalance": f"select max(n) / min(n) as v from (select count(*) as n from t where {name} is not null group by {name})",
    }[kind]
    of_kind = lambda counts: truth_of(kind, counts) if counts else 0.0 if kind == "entropy" else None
    facts = decides(column, of_kind([counts[key] for key in counts if key != "NaN"]), of_kind(list(counts.values())), {"max": bound})
    test = {"entropy": scipy.stats.entropy, "imbalance": lambda counts: counts.max() / counts.min()}[kind]
    return Rule(f"{kind}:t.{column.name}", kind, (("columns", column.name, kind), {"max": bound}), [column.name], f"select v <= {bound!r}::double, v from ({query})", None,
                one_column(column.name, Check(lambda series: bool(test(series.value_counts()) <= bound))), facts)  # fmt: skip


# Figures of numbers.

FIGURES = {
    "mean": ("avg({})", "ExpectColumnMeanToBeBetween", lambda s: s.mean()),
    "std": ("stddev_samp({})", "ExpectColumnStdevToBeBetween", lambda s: s.std()),
    "sum": ("sum({})", "ExpectColumnSumToBeBetween", lambda s: s.sum()),
    "min": ("min({})", "ExpectColumnMinToBeBetween", lambda s: s.min()),
    "max": ("max({})", "ExpectColumnMaxToBeBetween", lambda s: s.max()),
    "median": ("median({})", "ExpectColumnMedianToBeBetween", lambda s: s.median()),
    "skewness": (None, None, lambda s: scipy.stats.skew(s.dropna())),
    "kurtosis": ("kurtosis_pop({})", None, lambda s: scipy.stats.kurtosis(s.dropna())),
    "quantile": ("quantile_cont({}, P)", "ExpectColumnQuantileValuesToBeBetween", None),
}


def figure(table):
    nasty = [column for column in table.of("float") if {"nan", "inf"} & set(facts_of(column))]
    column = draw.choice(
        table.of("int", "float", "decimal", *(["bool"] if draw.random() < 0.1 else []))
        + 2 * nasty
        + 4 * [column for column in table.of("int") if column.name == "big"]
        + [column for column in nasty or table.of("float") if column.physical == "float"]
    )
    kind = draw.choice([*FIGURES, "mean", "std", "min", "max", "quantile"])
    template, name, of = FIGURES[kind]
    p = draw.choice([0.05, 0.25, 0.5, 0.9, 0.99, 0.0, 1.0])
    if kind == "quantile":
        of = lambda series: series.quantile(p)
    values = pd.Series(column.finite, dtype="float64")
    truth = float(of(values)) if len(values) else 1.0
    if not math.isfinite(truth):
        truth = 1.0
    if kind in ("min", "max") and draw.random() < 0.5:
        bound, good = truth, draw.choice(["min", "max"])
        bounds = {good: int(bound) if column.kind == "int" else bound}
    else:
        size = max(abs(truth), 0.1) * draw.choice([0.01, 0.001])
        low, high = draw.choice(
            [
                (truth - size, truth + size),
                (truth + size, None),
                (None, truth - size),
                (truth - size, None),
                (truth + size, truth + 2 * size),
            ]
        )
        bounds = {key: round(value, 9) for key, value in [("min", low), ("max", high)] if value is not None}
    low, high = bounds.get("min", -math.inf), bounds.get("max", math.inf)
    special = column.kind == "float" and draw.random() < 0.5
    value = f"{q(column.name)}::int::double" if column.kind == "bool" else f"{q(column.name)}::double"
    kept = f" filter (where isfinite({q(column.name)}))" if special else ""
    formula = template and template.format(value).replace("P", str(p)) + kept
    query = formula and f"select v between '{low!r}'::double and '{high!r}'::double, v from (select {formula} as v from t)"
    gx = name and (name, {"column": column.name, **gx_bounds(bounds)})
    content, path, check = bounds, ("columns", column.name, kind), f"{kind}:t.{column.name}"
    if kind == "quantile":
        content, path, check = [{"p": p, **bounds}], ("columns", column.name, "quantiles"), f"quantile_{p:g}:t.{column.name}"
        gx = (
            name,
            {
                "column": column.name,
                "quantile_ranges": {"quantiles": [p], "value_ranges": [[bounds.get("min"), bounds.get("max")]]},
                "allow_relative_error": "linear",
            },
        )
    numbers = pd.Series([value for value in column.some if value == value], dtype="float64")
    # NaN is the largest number to DuckDB.
    largest = pd.Series([value if value == value else math.inf for value in column.some], dtype="float64")
    all_of = float(of(numbers)) if len(numbers) else math.nan
    exact = {"min": min, "max": max}.get(kind) if column.kind in ("int", "decimal") and column.some else None
    large = facts_of(column).get("large", 0)
    if large and kind in {"skewness", "kurtosis"}:
        query = None
    short = float(of(pd.Series(column.finite, dtype="float32"))) if column.physical == "float" and column.finite else truth
    facts = {
        "edge_decides": int(exact is not None and within(exact(column.some), bounds) != within(truth, bounds)),
        "nan_moves": int("nan" in facts_of(column) and (kind in {"mean", "std", "sum", "kurtosis"} or of(largest) != truth)),
        "single_moves": int(abs(short - truth) > 1e-9 * max(abs(truth), 1e-3)),
        "nothing_fits": int(kind == "sum" and not column.finite and within(0, bounds)),
        "no_finite": int(not column.finite),
        "inf_decides": int("inf" in facts_of(column) and within(all_of, bounds) != within(truth, bounds)),
        "inf_moves": int("inf" in facts_of(column) and all_of != truth),
    }
    return Rule(check, kind, (path, content), [column.name], query, gx, None if large and kind in {"std", "skewness", "kurtosis"} else one_column(column.name, Check(lambda series: bool(low <= of(series) <= high))),
                facts, finite_only=special)  # fmt: skip


def correlation(table):
    a, b = draw.sample(table.of("float", "int", "decimal"), 2)
    both = [(x, y) for x, y in zip(a.values, b.values) if x is not None and y is not None and math.isfinite(x) and math.isfinite(y)]
    pair = pd.DataFrame(both, columns=["x", "y"], dtype="float64")
    truth = float(pair.x.corr(pair.y)) if len(pair) > 2 else 0.0
    truth = 0.0 if math.isnan(truth) else truth
    least = max(-1.0, round(truth + draw.choice([0.01 if truth < 0.98 else -0.02, -0.01]), 6))
    special = "float" in (a.kind, b.kind) and draw.random() < 0.5
    kept = f" where isfinite({q(a.name)}::double) and isfinite({q(b.name)}::double)" if special else ""
    query = f"select v >= {least!r}::double, v from (select corr({q(a.name)}::double, {q(b.name)}::double) as v from t{kept})"
    facts = {kind: facts_of(a).get(kind, 0) + facts_of(b).get(kind, 0) for kind in ("nan", "inf", "large")}
    facts["no_pair"] = int(not both)
    facts["nan_pair"] = int(not both and any(x is not None and y is not None for x, y in zip(a.values, b.values)))
    facts["no_figure"] = int(bool(both) and math.isnan(pair.x.corr(pair.y)))
    facts["inf_decides"] = int(facts["inf"] and truth >= least and not facts["no_figure"])
    return Rule(f"correlation:t.({a.name}, {b.name})", "correlation", (("correlations",), [{"columns": [a.name, b.name], "min": least}]), [a.name, b.name], query, None,
                whole(lambda frame: bool(frame[a.name].corr(frame[b.name]) >= least)), facts, finite_only=special)  # fmt: skip
