"""Numbers that a double does not hold: `exact.parquet`, written by pyarrow.

    python make_exact.py       writes the table beside itself
"""

import decimal
import pathlib

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
pq.write_table(table, pathlib.Path(__file__).parent / "exact.parquet")
