"""Rules about a table as a whole, and between two."""

import pandas as pd
import pandera.pandas as pa

from peers import column as one_column
from peers import whole
from words import ALL, Check, Rule, around, draw, gx_bounds, q, sql


def row_count(table):
    bounds, between = around(table.rows)
    low, high = bounds.get("min", 0), bounds.get("max", 10**18)
    return Rule("row_count:t", "row_count", (("row_count",), bounds), [], f"select count(*) {between}, count(*) from t",
                ("ExpectTableRowCountToBeBetween", gx_bounds(bounds)), whole(lambda frame: low <= len(frame) <= high))  # fmt: skip


LISTED = "(select list(name) from pragma_table_info('t_all') where name <> '_row')"


def column_count(table):
    bounds, between = around(len(table.columns))
    return Rule("column_count:t", "column_count", (("column_count",), bounds), [], f"select len({LISTED}) {between}, len({LISTED})",
                ("ExpectTableColumnCountToBeBetween", gx_bounds(bounds)))  # fmt: skip


def column_order(table):
    names = list(table.columns)
    change = draw.choice(["none", "none", "swap", "less", "more"])
    if change == "swap":
        names[0], names[1] = names[1], names[0]
    if change == "less":
        names.pop()
    if change == "more":
        names.append("nowhere")
    listed = ", ".join(map(sql, names))
    return Rule("column_order:t", "column_order", (("column_order",), names), [], f"select {LISTED} = [{listed}], null",
                ("ExpectTableColumnsToMatchOrderedList", {"column_list": names}),
                pa.DataFrameSchema({name: pa.Column(nullable=True) for name in names}, strict=True, ordered=True))  # fmt: skip


def type_(table):
    column = draw.choice(table.of(*ALL))
    # Cells of CSV are read as the type that is asked for, which is then another table.
    wanted = (
        column.kind
        if draw.random() < 0.5 or column.physical == "csv"
        else draw.choice(["int", "float", "number", "text", "bool", "date", "timestamp", "decimal"])
    )
    types = {
        "int": ["TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UBIGINT"], "float": ["FLOAT", "DOUBLE"], "text": ["VARCHAR"], "bool": ["BOOLEAN"], "date": ["DATE"],
        "timestamp": ["TIMESTAMP", "TIMESTAMP WITH TIME ZONE", "TIMESTAMP_NS", "TIMESTAMP_MS", "TIMESTAMP_S"], "decimal": [],
    }  # fmt: skip
    types["number"] = types["int"] + types["float"]
    listed = ", ".join(map(sql, types[wanted])) or "''"
    decimals = " or type like 'DECIMAL%'" if wanted in ("number", "decimal") else ""
    query = f"select type in ({listed}){decimals}, null from pragma_table_info('t_all') where name = {sql(column.name)}"
    dtypes = {"int": ["int8", "int16", "int32", "int64", "uint64"], "float": ["float32", "float64"], "text": ["str"], "bool": ["bool"]}
    dtypes["number"] = dtypes["int"] + dtypes["float"]
    gx = None
    if wanted in dtypes and column.kind not in ("decimal", "date"):
        one = len(dtypes[wanted]) == 1
        name = "ExpectColumnValuesToBeOfType" if one else "ExpectColumnValuesToBeInTypeList"
        gx = (name, {"column": column.name, **({"type_": dtypes[wanted][0]} if one else {"type_list": dtypes[wanted]})})
    is_ = pd.api.types
    test = {
        "int": is_.is_integer_dtype,
        "float": is_.is_float_dtype,
        "text": is_.is_string_dtype,
        "bool": is_.is_bool_dtype,
        "timestamp": is_.is_datetime64_any_dtype,
    }
    test["number"] = lambda series: is_.is_numeric_dtype(series) and not is_.is_bool_dtype(series)
    pandera = (
        one_column(column.name, Check(lambda series: bool(test[wanted](series)), ignore_na=False))
        if wanted in test and column.kind not in ("decimal", "date")
        else None
    )
    facts = {
        f"{column.kind}_with_null": int(column.of_null),
        "asks_" + wanted: 1,
        "dictionary": int(column.physical.startswith("dictionary")),
    }
    return Rule(f"type:t.{column.name}", "type", (("columns", column.name, "type"), wanted), [column.name], query, gx, pandera, facts)


def relationship(table):
    name, parent = draw.choice(list(table.parents.items()))
    pairs = [
        ([a], [b])
        for a, b in [("customer", "id"), ("customer_null", "id"), ("country", "country"), ("region", "region")]
        if a in table.columns
    ]
    pairs += [(["customer", "country"], ["id", "country"]), (["region", "country"], ["region", "country"])]
    mine, theirs = draw.choice(pairs)
    keys = set(zip(*[parent.columns[key].values for key in theirs]))
    rows = [row for row in zip(*[table.columns[key].values for key in mine]) if None not in row]
    orphans = sum(row not in keys for row in rows)
    bound = draw.choice(
        [
            {},
            {"max_orphan_rows": max(0, orphans - 1)},
            {"max_orphan_rows": orphans},
            {"max_orphan_fraction": round((orphans + draw.choice([0.5, -0.5])) / len(rows), 7) if orphans else 0.0},
        ]
    )
    some = " and ".join(f"c.{q(key)} is not null" for key in mine)
    same = " and ".join(f"c.{q(a)} = p.{q(b)}" for a, b in zip(mine, theirs))
    bad = f"(select count(*) from t c where {some} and not exists (select 1 from {name} p where {same}))"
    allowed = bound.get("max_orphan_rows", 0)
    test = (
        f"{bad} / (select count(*) from t c where {some}) <= {bound['max_orphan_fraction']!r}::double"
        if "max_orphan_fraction" in bound
        else f"{bad} <= {allowed}"
    )
    listed = [value for value in dict.fromkeys(parent.columns[theirs[0]].values) if value is not None]
    single = len(mine) == 1 and not bound
    gx = ("ExpectColumnValuesToBeInSet", {"column": mine[0], "value_set": listed}) if single else None
    pandera = one_column(mine[0], Check.isin(listed)) if single else None
    if len(mine) == 1:
        content = {"from": f"t.{mine[0]}", "to": f"{name}.{theirs[0]}", **bound}
        label = f"t.{mine[0]} -> {name}.{theirs[0]}"
    else:
        content = {"from": {"table": "t", "columns": mine}, "to": {"table": name, "columns": theirs}, **bound}
        label = f"t.({', '.join(mine)}) -> {name}.({', '.join(theirs)})"
    return Rule(f"references:{label}", "references", (("relationships",), [content]), mine, f"select {test}, {bad}", gx, pandera)
