"""A table, a rule, and their values in each program's words; what is known of the data beforehand."""

import collections
import dataclasses
import datetime
import decimal
import math
import random

import pandera.pandas as pa
import pyarrow as pa_types

draw = random.Random()  # make.py gives each suite its seed
Check = pa.Check
NUMBERS = ["int", "float", "decimal"]
TIMES = ["date", "timestamp"]
ALL = [*NUMBERS, *TIMES, "text", "bool"]


@dataclasses.dataclass
class Column:
    name: str
    kind: str
    values: list  # nulls are None, NaN is NaN
    zoned: bool = False
    physical: str = ""
    of_null: bool = False  # whether the file has a null in it

    @property
    def some(self):
        return [value for value in self.values if value is not None]

    @property
    def misread(self):
        """Whether pandas reads its cells as something else than they look like."""
        return self.physical == "csv" and (self.kind == "date" or any(map(is_padded, self.some)))

    @property
    def exact(self):
        """Whether its values are no longer than a double tells apart."""
        return self.kind != "decimal" or all(abs(value) < 10**15 for value in self.some)

    @property
    def finite(self):
        return [float(value) for value in self.some if not isinstance(value, float) or math.isfinite(value)]


@dataclasses.dataclass
class Table:
    name: str
    columns: dict[str, Column]
    parents: dict[str, "Table"] = dataclasses.field(default_factory=dict)

    def of(self, *kinds):
        return [column for column in self.columns.values() if column.kind in kinds]

    @property
    def rows(self):
        return len(next(iter(self.columns.values())).values)


@dataclasses.dataclass
class Rule:
    check: str  # the id of the check in the report
    kind: str
    put: tuple  # a path below the table (or `relationships`), and what stands there
    columns: list[str]
    sql: str | None = None
    gx: tuple | None = None
    pandera: object = None
    facts: dict = dataclasses.field(default_factory=dict)
    finite_only: bool = False  # of DuckDB: whether the query leaves NaN and infinity aside
    asked: dict = dataclasses.field(default_factory=dict)  # facts that are best counted in SQL


def kind_of(type_: pa_types.DataType) -> str:
    is_ = pa_types.types
    if is_.is_dictionary(type_):
        return kind_of(type_.value_type)
    for kind, test in [("int", is_.is_integer), ("float", is_.is_floating), ("decimal", is_.is_decimal), ("bool", is_.is_boolean),
                       ("date", is_.is_date), ("timestamp", is_.is_timestamp)]:  # fmt: skip
        if test(type_):
            return kind
    return "text"


# Values in each program's words.


def ours(value):
    if isinstance(value, decimal.Decimal):
        short = int(value) if value == value.to_integral() else float(value)
        return short if decimal.Decimal(repr(short)) == value and abs(value) < 2**53 else str(value)
    if isinstance(value, datetime.datetime):
        return value.replace(tzinfo=None).isoformat() + "Z"
    if isinstance(value, datetime.date):
        return value.isoformat()
    return value


def sql(value, column=None) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        text = f"'{value!r}'::double"
        return f"{text}::float" if column and column.physical == "float" else text
    if isinstance(value, datetime.datetime):
        if value.tzinfo:
            return f"timestamptz '{value.astimezone(datetime.timezone.utc).isoformat()}'"
        return f"timestamp '{value.isoformat()}'"
    if isinstance(value, datetime.date):
        return f"date '{value.isoformat()}'"
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    return str(value)


def q(name: str) -> str:
    return f'"{name}"'


# What is known of the data.


def is_no_word(value) -> bool:
    """Whether pandas takes a cell of CSV for a null that we take for a text."""
    return value in ("NA", "N/A", "n/a", "null", "None", "NaN", "nan")


def is_padded(value) -> bool:
    return isinstance(value, str) and value.isdigit() and value.startswith("0")


def facts_of(column: Column) -> dict:
    numbers = [value for value in column.values if isinstance(value, float)]
    same = collections.Counter(value for value in column.some if value == value)
    nulls, nans = column.values.count(None), sum(map(math.isnan, numbers))
    found = {
        "null": nulls,
        "null_repeats": max(0, nulls - 1),
        "nan": nans,
        "nan_repeats": max(0, nans - 1),
        "one_nan": int(nans > 0),
        "only_nan": int(0 < nans == len(column.some)),
        "inf": sum(map(math.isinf, numbers)),
        "no_value": int(not column.some),
        "words": sum(map(is_no_word, column.some)) if column.physical == "csv" else 0,
        "padded": sum(map(is_padded, column.some)) if column.physical == "csv" else 0,
        "single": int(column.physical == "float"),
        "unsigned": int(column.physical.startswith("uint")),
        "large": int(any(abs(value) > 2**52 for value in column.some)) if column.kind == "int" else 0,
        "repeated": sum(1 for count in same.values() if count > 1),
    }
    return {key: value for key, value in found.items() if value}


def judged(rule: Rule, table: Table) -> Rule:
    known = collections.Counter()
    if len(rule.columns) == 1:
        known.update(facts_of(table.columns[rule.columns[0]]))
    known.update(rule.facts)
    rule.facts = {key: value for key, value in known.items() if value}
    return rule


# Bounds near the truth.


def step(column: Column):
    """Something a little smaller than the distance of two values."""
    if column.kind == "int" and facts_of(column).get("large"):
        return 1
    return {"int": draw.choice([1, 2, 0.5]), "float": 0.05, "decimal": decimal.Decimal("0.01"),
            "date": datetime.timedelta(days=1), "timestamp": datetime.timedelta(milliseconds=draw.choice([1, 500]))}[column.kind]  # fmt: skip


def plain(value):
    """A bound as it is written: not longer than it must be."""
    return round(value, 6) if isinstance(value, float) else value


def ends(column: Column):
    """A least and a largest value near those of the column."""
    values = sorted(value for value in column.some if not isinstance(value, float) or math.isfinite(value))
    if not values:
        values = [{"int": 3, "float": 0.5, "decimal": decimal.Decimal(1), "date": datetime.date(2013, 1, 1),
                   "timestamp": datetime.datetime(2013, 1, 1, tzinfo=datetime.timezone.utc if column.zoned else None)}[column.kind]]  # fmt: skip
    deep = draw.choice([0, 0, 0, 1, len(values) // 20])
    low, high = values[min(deep, len(values) - 1)], values[max(0, len(values) - 1 - deep)]
    if isinstance(low, float) and column.physical != "float" and draw.random() < 0.5:
        low, high = plain(low), plain(high)
    if draw.random() < 0.3:
        low, high = low - step(column), high + step(column)
    return (low, high) if low <= high else (high, low)


def around(count: int):
    """Bounds beside a count, and the same in SQL."""
    low, high = draw.choice(
        [
            (count, None),
            (count + 1, None),
            (None, count),
            (None, max(0, count - 1)),
            (count, count),
            (max(0, count - 2), count + 2),
            (count + 1, count + 5),
        ]
    )
    bounds = {key: value for key, value in [("min", low), ("max", high)] if value is not None}
    return bounds, f"between {low if low is not None else 0} and {high if high is not None else 10**18}"


def gx_bounds(bounds):
    return {f"{key}_value": value for key, value in bounds.items() if key in ("min", "max")}
