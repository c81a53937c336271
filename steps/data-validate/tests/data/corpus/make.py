"""200 suites over 20 small tables, and what Great Expectations, pandera and DuckDB say of each rule.

    python make.py      writes the tables and suites.json beside itself

Needs duckdb 2.0.1, great_expectations 1.24.1, numpy 2.4.6, pandas 3.1.1, pandera 0.35.0, pyarrow 26.0.1, scipy 1.17.1. Tables are those
of tables.py, rules those of rules.py, the others are asked by peers.py; all is drawn with seeds, so that a second run writes the same.
`differences.json` is written by hand: where a verdict or a number of ours is another one, and why.

A line of suites.json is a suite, with the tables it is for. Of each rule it has the id of the check, the kind, what is known of the data
(`facts`), and for each program that can say it the verdict and a number: of bad values, of rows, or the figure that was asked for. `plain`
is DuckDB's answer where the query, as most people would write it, does not leave NaN and infinity aside.
"""

import collections
import csv
import datetime
import json
import pathlib
import random

import pandas as pd
import pandera.pandas as pa
import pyarrow as pa_arrow
import pyarrow.parquet as pq

import conditions
import words
from conditions import filters
from figures import FIGURES
from peers import Cannot, Duck, Expect, panderas
from rules import drawn
from tables import CSV, GROUPS, TABLES
from words import Column, Rule, Table, kind_of

HERE = pathlib.Path(__file__).parent
SUITES = 200
draw = random.Random()
KINDS = {
    "id": "int",
    "price": "float",
    "count": "int",
    "name": "text",
    "day": "date",
    "ok": "bool",
    "country": "text",
    "reading": "float",
    "code": "text",
    "note": "text",
}
READ = {"int": int, "float": float, "text": str, "date": datetime.date.fromisoformat, "bool": lambda text: text == "true"}
# Rules of which pandera names the rows that fail.
COUNTED = {"range", "in_set", "regex", "length", "not_null", "unique", "unique_key", "expression", "references"}
NO_VALUE = {"NA", "N/A", "null", "None"}


def file_of(name: str) -> pathlib.Path:
    return HERE / f"{name}.{'csv' if name in CSV else 'parquet'}"


def write(name: str, columns: dict):
    if name not in CSV:
        pq.write_table(pa_arrow.table(columns), file_of(name), compression="zstd", row_group_size=GROUPS.get(name))
        return
    with file_of(name).open("w", newline="", encoding="utf-8") as file:
        out = csv.writer(file, lineterminator="\n")
        out.writerow(columns)
        out.writerows(zip(*columns.values()))


def cell(text: str | None, kind: str):
    if text is None or (kind != "text" and text in NO_VALUE):
        return None
    return READ[kind](text)


def read(name: str) -> Table:
    columns = {}
    for key, values in TABLES[name].items():
        if name in CSV:
            columns[key] = Column(key, KINDS[key], [cell(value, KINDS[key]) for value in values], physical="csv", of_null=None in values)
            continue
        type_ = values.type
        zoned = pa_arrow.types.is_timestamp(type_) and type_.tz is not None
        known = values.to_pylist()
        if zoned:
            known = [value and value.astimezone(datetime.timezone.utc) for value in known]
        if pa_arrow.types.is_timestamp(type_) and type_.unit == "ns":
            known = [value and pd.Timestamp(value).to_pydatetime() for value in known]
        columns[key] = Column(key, kind_of(type_), known, zoned, str(type_), None in known)
    return Table(name, columns)


def frame_of(name: str) -> pd.DataFrame:
    return pd.read_csv(file_of(name)) if name in CSV else pd.read_parquet(file_of(name))


def chosen(table: Table, rows: list[int]) -> Table:
    """The table with these rows alone."""
    columns = {
        key: Column(key, column.kind, [column.values[row] for row in rows], column.zoned, column.physical, column.of_null)
        for key, column in table.columns.items()
    }
    return Table(table.name, columns, table.parents)


def exact(suite: dict, table: Table) -> list[Rule]:
    """Makes the suite name all columns of the table, or one too few, or one too many."""
    named = set(suite["columns"])
    names = list(table.columns)
    change = draw.choice(["none", "less", "more"])
    spare = [name for name in names if name not in named]
    if change == "less" and spare:
        names.remove(draw.choice(spare))
    if change == "more":
        names.append("nowhere")
    suite["schema"] = "exact"
    for name in names:
        suite["columns"].setdefault(name, {})
    listed = ", ".join(f"'{name}'" for name in sorted(names))
    have = "(select list(name order by name) from pragma_table_info('t_all') where name <> '_row')"
    schema = pa.DataFrameSchema({name: pa.Column(nullable=True) for name in names}, strict=True)
    found = [
        Rule(
            "schema:t",
            "schema",
            ((), None),
            [],
            f"select {have} = [{listed}], null",
            ("ExpectTableColumnsToMatchSet", {"column_set": names, "exact_match": True}),
            schema,
        )
    ]
    column = names[-1]
    there = f"select list_contains({have}, '{column}'), null"
    found.append(
        Rule(
            f"column:t.{column}",
            "column",
            ((), None),
            [],
            there,
            ("ExpectColumnToExist", {"column": column}),
            pa.DataFrameSchema({column: pa.Column(nullable=True)}),
        )
    )
    return found


def put(suite: dict, rule: Rule):
    path, content = rule.put
    inner = content[0] if isinstance(content, list) and content and isinstance(content[0], dict) else content
    if isinstance(inner, dict) and draw.random() < 0.08 and "value_shares" not in path:
        inner["severity"] = "warn"
    if path == ("relationships",):
        suite.setdefault("relationships", []).extend(content)
        return
    at = suite["tables"]["t"]
    for key in path[:-1]:
        at = at.setdefault(key, {})
    if path[-1] in ("unique", "correlations", "expressions", "quantiles") and isinstance(content, list):
        at.setdefault(path[-1], []).extend(content)
    elif isinstance(at.get(path[-1]), dict) and path[-1] == "value_shares":
        at[path[-1]].update(content)
    else:
        at[path[-1]] = content


def counted(rule: Rule, duck: Duck) -> dict:
    """Facts that are best counted in SQL."""
    found = {key: duck.one(query)[0] for key, query in rule.asked.items()}
    return {**rule.facts, **{key: value for key, value in found.items() if value}}


def is_plain(rule: Rule) -> bool:
    """Whether NaN or an infinity makes something else of the query."""
    return rule.kind in {*FIGURES, "correlation"} and not rule.finite_only and bool({"nan", "inf"} & set(rule.facts))


def answers(rule: Rule, duck: Duck, expect: Expect, batch, frame, beyond: collections.Counter) -> dict:
    """What each says that can say it."""
    ways = {
        "gx": rule.gx and (lambda: expect.ask(batch, *rule.gx)),
        "pandera": rule.pandera and (lambda: panderas(frame, rule.pandera)),
        "plain" if is_plain(rule) else "duckdb": rule.sql and (lambda: duck.ask(rule.sql)),
    }
    found = {}
    for name, ask in ways.items():
        if ask:
            try:
                holds, value = ask()
                counts = rule.kind in COUNTED or name != "pandera" and rule.kind not in {"not_empty", "not_constant"}
                found[name] = (holds, value if counts else None)
            except Cannot as why:
                beyond[name, rule.kind, str(why)[:160]] += 1
    return found


for name, columns in TABLES.items():
    write(name, columns)
expect = Expect()
beyond = collections.Counter()
lines = []
# Where the programs differ most, twice as often.
names = [name for name in TABLES if name != "customers"] + ["delimited", "delimited_words", "nothing", "floating", "decimals"]
for index in range(SUITES):
    # A change to one suite leaves the others as they are.
    words.draw.seed(20131100 + index)
    conditions.counter = 0
    draw.seed(20131100 + index)
    name = names[index % len(names)]
    table, frame = read(name), frame_of(name)
    files = {"t": file_of(name)}
    if name == "purchases":
        table.parents["customers"] = read("customers")
        files["customers"] = file_of("customers")
    duck = Duck(files)
    suite = {"tables": {"t": {"columns": {}}}}
    where = draw.choice(filters(table) or [None]) if draw.random() < 0.15 and name not in CSV else None
    kept = [row - 1 for (row,) in duck.all(f"select _row from t where {where[0]} order by _row")] if where else []
    if len(kept) >= 20:
        # Great Expectations makes floating numbers of decimals by their place in the index.
        table, frame = chosen(table, kept), frame.query(where[1]).reset_index(drop=True)
        duck.filter("t", where[0])
        suite["tables"]["t"]["where"] = where[0]
    rules = drawn(table, max(draw.randint(3, 10), draw.randint(3, 10)))
    for rule in rules:
        put(suite, rule)
    if draw.random() < 0.12:
        rules += exact(suite["tables"]["t"], table)
    batch = expect.batch(frame)
    said = []
    for rule in rules:
        theirs = answers(rule, duck, expect, batch, frame, beyond)
        if theirs:
            said.append({"check": rule.check, "kind": rule.kind, "facts": counted(rule, duck), "said": theirs})
    data = {key: str(path.name) for key, path in files.items()}
    lines.append(json.dumps({"data": data, "suite": suite, "rules": said}, ensure_ascii=False))
    duck.close()
(HERE / "suites.json").write_text("[\n" + ",\n".join(lines) + "\n]\n", encoding="utf-8")

every = [rule for line in lines for rule in json.loads(line)["rules"]]
print(len(every), "rules")
for peer in ["gx", "pandera", "duckdb", "plain"]:
    said = [rule["said"][peer][0] for rule in every if peer in rule["said"]]
    print(peer, len(said), "of which hold", sum(said))
for (peer, kind, why), count in beyond.most_common():
    print(count, peer, kind, why)
