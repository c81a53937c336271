"""Numbers that a double does not hold: `exact.parquet`, written by pyarrow, and what DuckDB says of conditions over them.

    python make_exact.py       writes the table and exact.json beside itself

Needs duckdb 2.0.1, pyarrow 26.0.1.
"""

import decimal
import json
import pathlib

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

LARGE = 2**53
table = pa.table(
    {
        "tenths": pa.array([0.1, 0.2, 0.3], pa.float32()),
        "signed": pa.array([LARGE, LARGE + 1, LARGE + 2], pa.int64()),
        "unsigned": pa.array([2**64 - 1, 2**64 - 2, 2**64 - 3], pa.uint64()),
        "decimal": pa.array([decimal.Decimal(LARGE + step) for step in range(3)], pa.decimal128(38, 0)),
    }
)
HERE = pathlib.Path(__file__).parent
pq.write_table(table, HERE / "exact.parquet")

# Of each condition, the rows that do not meet it.
CONDITIONS = [
    "tenths = 0.1", "tenths in (0.1, 0.3)", "tenths <= 0.2", "tenths > 0.2", "-tenths = -0.2", "tenths between 0.1 and 0.2",
    "decimal = 9007199254740993", "decimal > 9007199254740993", "decimal - 9007199254740992 = 1", "decimal * 10 = 90071992547409930",
    "abs(-decimal) = 9007199254740993", "decimal < 9007199254740993.5", "decimal % 10 = 3", "decimal = signed", "decimal + 1 <= signed",
    "greatest(decimal, 9007199254740993) = 9007199254740993", "coalesce(decimal, 0) in (9007199254740993, 1)", "decimal / 2 > 1.5",
]  # fmt: skip
bad = lambda condition: duckdb.sql(f"select count(*) filter (where not ({condition})) from '{HERE / 'exact.parquet'}'").fetchall()[0][0]
lines = [json.dumps([condition, bad(condition)]) for condition in CONDITIONS]
(HERE / "exact.json").write_text("[\n" + ",\n".join(lines) + "\n]\n")
