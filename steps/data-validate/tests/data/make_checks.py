"""What scipy, pandas and DuckDB say of figures and conditions.

    python make_checks.py      writes rows.parquet, checks.json, conditions.json, distributions.json and between.json beside itself

Needs duckdb, pandas, pyarrow, scipy. The flights are those of make_data.py; `rows.parquet` holds every kind of value, with
nulls in each column, and conditions over it are drawn at random from the grammar, with a seed.
"""

import decimal
import json
import pathlib
import random

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import scipy.spatial
import scipy.stats

HERE = pathlib.Path(__file__).parent
TRAIN = HERE / "train.parquet"
ROWS = HERE / "rows.parquet"

# Figures of single columns, and of pairs.
train = pd.read_parquet(TRAIN)
figures = {}
for column in ["dep_delay", "air_time", "distance"]:
    values = train[column].dropna()
    figures[column] = {
        "sum": float(values.sum()),
        "skewness": float(scipy.stats.skew(values)),
        "kurtosis": float(scipy.stats.kurtosis(values)),
    }
for column in ["carrier", "origin", "dest", "tailnum", "dep_delay"]:
    counts = train[column].value_counts()
    figures.setdefault(column, {}).update(
        entropy=float(scipy.stats.entropy(counts)),
        unique_rate=float(len(counts) / counts.sum()),
        imbalance=float(counts.max() / counts.min()),
    )
shares = {str(key): float(value) for key, value in train.origin.value_counts(normalize=True).items()}
pairs = [["dep_delay", "air_time"], ["air_time", "distance"], ["dep_delay", "distance"]]
correlations = [[a, b, float(train[a].corr(train[b])), int(train[[a, b]].dropna().shape[0])] for a, b in pairs]
(HERE / "checks.json").write_text(
    json.dumps({"figures": figures, "shares": shares, "correlations": correlations}, indent=1) + "\n"
)

# A table with every kind of value.
generator = np.random.default_rng(20131101)
count = 400


def holed(values: list) -> list:
    return [None if generator.random() < 0.15 else value for value in values]


days = [int(day) for day in generator.integers(-400, 20000, count)]
table = pa.table(
    {
        "i": pa.array(holed([int(value) for value in generator.integers(-5, 6, count)]), pa.int32()),
        "j": pa.array(holed([int(value) for value in generator.integers(1, 8, count)]), pa.int64()),
        "big": pa.array(holed([2**53 + int(value) for value in generator.integers(0, 4, count)]), pa.int64()),
        "u": pa.array(holed([int(value) for value in generator.integers(0, 4, count)]), pa.uint16()),
        "x": pa.array(holed([float(value) / 4 for value in generator.integers(-8, 9, count)]), pa.float64()),
        "f": pa.array(holed([float(value) / 4 for value in generator.integers(1, 9, count)]), pa.float32()),
        "d": pa.array(holed([decimal.Decimal(int(value)) / 4 for value in generator.integers(-8, 9, count)]), pa.decimal128(8, 2)),
        "yes": pa.array(holed([bool(value) for value in generator.integers(0, 2, count)]), pa.bool_()),
        "word": pa.array(holed([random.Random(int(value)).choice(["alpha", "Beta", "über", "", "a%b", "x_y"]) for value in generator.integers(0, 99, count)])),
        "day": pa.array(holed(days), pa.date32()),
        "moment": pa.array(holed([day * 86_400_000_000 + int(tick) for day, tick in zip(days, generator.integers(0, 86_400_000_000, count))]), pa.timestamp("us")),
        "a b": pa.array(holed([int(value) for value in generator.integers(0, 3, count)]), pa.int8()),
    }
)  # fmt: skip
pq.write_table(table, ROWS, row_group_size=150, compression="zstd")

draw = random.Random(20131102)
NUMBERS = ["i", "j", "u", "x", "f", "d", '"a b"', "big"]
TEXTS = ["word", "lower(word)", "upper(word)", "'alpha'", "'Beta'", "coalesce(word, 'none')"]
TIMES = ["day", "moment", "coalesce(moment, day)"]


def number(depth: int) -> str:
    if depth == 0 or draw.random() < 0.3:
        return draw.choice([*NUMBERS, str(draw.randint(-4, 6)), str(draw.randint(-8, 8) / 4)])
    return draw.choice(
        [
            lambda: f"({number(depth - 1)} {draw.choice('+-*')} {number(depth - 1)})",
            lambda: f"{number(depth - 1)} {draw.choice('+-*')} {number(depth - 1)}",
            lambda: f"({draw.choice(['i', 'x', 'u', 'd'])} / {draw.choice(['j', '4', 'f'])})",
            lambda: f"({draw.choice(['i', 'big', 'u'])} % {draw.choice(['j', '3'])})",
            lambda: f"abs({number(depth - 1)})",
            lambda: f"-({number(depth - 1)})",
            lambda: f"coalesce({draw.choice(NUMBERS)}, {draw.choice(NUMBERS)}, 0)",
            lambda: f"least({draw.choice(NUMBERS)}, {draw.choice(NUMBERS)})",
            lambda: f"greatest({draw.choice(NUMBERS)}, {draw.choice(NUMBERS)}, 1)",
            lambda: f"length({draw.choice(TEXTS)})",
            lambda: f"{draw.choice(['year', 'month', 'day', 'hour'])}(moment)",
        ]
    )()


def condition(depth: int) -> str:
    if depth == 0 or draw.random() < 0.25:
        compare = draw.choice(["=", "==", "!=", "<>", "<", "<=", ">", ">="])
        return draw.choice(
            [
                lambda: f"{number(2)} {compare} {number(2)}",
                lambda: f"{number(1)} {compare} {number(1)}",
                lambda: f"{draw.choice(TEXTS[:3])} {compare} {draw.choice(TEXTS)}",
                lambda: f"{draw.choice(TIMES)} {compare} {draw.choice([*TIMES, repr('2001-09-09'), repr('1999-12-31')])}",
                lambda: f"{draw.choice([*NUMBERS, 'word', 'moment', 'yes'])} is {draw.choice(['', 'not '])}null",
                lambda: f"{draw.choice(NUMBERS)} {draw.choice(['', 'not '])}in ({number(0)}, {number(0)}, {draw.choice(NUMBERS)})",
                lambda: f"word {draw.choice(['', 'not '])}in ('alpha', 'Beta', {draw.choice(['null', repr('x_y')])})",
                lambda: f"{number(1)} {draw.choice(['', 'not '])}between {number(0)} and {number(1)}",
                lambda: f"word {draw.choice(['', 'not '])}like {draw.choice([repr('a%'), repr('_eta'), repr('%b'), repr('')])}",
                lambda: draw.choice(["yes", "not yes", "yes = true", "true", "null"]),
            ]
        )()
    return draw.choice(
        [
            lambda: f"{condition(depth - 1)} and {condition(depth - 1)}",
            lambda: f"{condition(depth - 1)} or {condition(depth - 1)}",
            lambda: f"({condition(depth - 1)}) and not ({condition(depth - 1)})",
            lambda: f"not ({condition(depth - 1)})",
            lambda: f"({condition(depth - 1)} or {condition(depth - 1)})",
        ]
    )()


# Where the two say the same thing in other words: ours, DuckDB's.
OWN = [
    ("word matches '^[a-z]+$'", "regexp_matches(word, '^[a-z]+$')"),
    ("word not matches 'a'", "not regexp_matches(word, 'a')"),
    ("weekday(moment) = 1", "isodow(moment) = 1"),
    ("weekday(day) >= 6", "isodow(day) >= 6"),
    ("moment - day < 43200", "epoch(moment - day::timestamp) < 43200"),
    ("moment - '2001-09-09' > 0", "epoch(moment - '2001-09-09'::timestamp) > 0"),
    ("round(x) = 1", "round(x) = 1"),
    ("round(-x) < 0", "round(-x) < 0"),
    ("`a b` = 1", '"a b" = 1'),
    ("word = 'it''s'", "word = 'it''s'"),
    ("big = 9007199254740993", "big = 9007199254740993"),
    ("big > 9007199254740992.0", "big > 9007199254740992"),
    ("big * 1000 = 9007199254740993000", "big * 1000 = 9007199254740993000"),
]
duck = duckdb.connect()
duck.execute("set timezone = 'UTC'")


def counts(sql: str) -> list[int]:
    query = f"select count(*) filter (where c), count(*) filter (where not c), count(*) filter (where c is null) from (select ({sql}) as c from '{ROWS}')"
    return list(duck.execute(query).fetchone())


conditions = [[ours, *counts(theirs)] for ours, theirs in OWN]
while len(conditions) < 400:
    text = condition(draw.choice([0, 1, 2, 3]))
    try:
        conditions.append([text, *counts(text)])
    except duckdb.Error as error:
        # What DuckDB does not take for its types, such as decimals that grow too wide, is drawn anew.
        print(str(error).splitlines()[0])
(HERE / "conditions.json").write_text("[\n" + ",\n".join(json.dumps(row) for row in conditions) + "\n]\n")

# Distributions: flights of the first two days of January against those of the fourth, on bins frozen on the first.
validation = pd.read_parquet(HERE / "validation.parquet")


def shares(before: pd.Series, now: pd.Series) -> tuple[np.ndarray, np.ndarray]:
    if pd.api.types.is_numeric_dtype(before):
        edges = np.unique(np.quantile(before.dropna(), np.arange(1, 10) / 10))
        if edges[0] == before.min():
            edges = np.insert(edges, 0, np.nextafter(edges[0], -np.inf))
        index = lambda values: np.searchsorted(edges, values.dropna(), side="left")  # right-closed
        counts = [np.bincount(index(values), minlength=len(edges) + 1) for values in (before, now)]
    else:
        labels = before.value_counts().sort_index(kind="stable").sort_values(ascending=False, kind="stable").index[:50]
        count = lambda values: [(values == label).sum() for label in labels] + [(values.notna() & ~values.isin(labels)).sum()]
        counts = [np.array(count(values)) for values in (before, now)]
    return tuple(np.append(count, values.isna().sum()) for count, values in zip(counts, (before, now)))


def against(before: pd.Series, now: pd.Series) -> dict:
    a, b = shares(before, now)
    p, q = a / a.sum(), b / b.sum()
    floored = [np.maximum(side, 1e-4) for side in (p, q)]
    found = {
        "psi": float(((floored[1] - floored[0]) * np.log(floored[1] / floored[0])).sum()),
        "js": float(scipy.spatial.distance.jensenshannon(p, q, base=2)),
        "l_infinity": float(np.abs(p - q).max()),
    }
    if pd.api.types.is_numeric_dtype(before):
        found["ks"] = float(scipy.stats.ks_2samp(before.dropna(), now.dropna()).statistic)
    if min(a.min(), b.min()) >= 5:
        found["chi_squared_p"] = float(scipy.stats.chi2_contingency(np.array([a, b]), correction=False).pvalue)
    return found


columns = ["dep_delay", "air_time", "distance", "flight", "carrier", "origin", "dest", "tailnum"]
distributions = {column: against(train[column], validation[column]) for column in columns}
(HERE / "distributions.json").write_text(json.dumps(distributions, indent=1) + "\n")

# Between the two days: who is in both, what is new, how an attribute is mixed.
seen = lambda column: int(validation[column].isin(train[column].dropna()).sum())
before, now = train.origin.value_counts(normalize=True), validation.origin.value_counts(normalize=True)
shift = (before - now).abs()
between = {
    "group": {"rows": seen("tailnum"), "keys": int(validation.tailnum[validation.tailnum.isin(train.tailnum)].nunique()), "of": int(validation.tailnum.notna().sum())},
    "new": {
        column: {"rows": int((validation[column].notna() & ~validation[column].isin(train[column])).sum()), "of": int(validation[column].notna().sum())}
        for column in ["dest", "tailnum", "carrier"]
    },
    "label": {"value": shift.idxmax(), "shift": float(shift.max())},
    "ratio": len(validation) / len(train),
}  # fmt: skip
(HERE / "between.json").write_text(json.dumps(between, indent=1) + "\n")
