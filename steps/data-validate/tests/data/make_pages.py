"""One row group of 8,000 rows in pages of a thousand, with their index; and the same file with values that are not what the
index says: outside of the rows 3,000 to 3,999 every `n` is 3,500 and every `at` that of row 3,500. Who reads only the pages
that the index points to does not see it.

    python make_pages.py        writes pages.parquet and pages_lying.parquet beside itself
"""

import datetime
import pathlib
import struct

import pyarrow as pa
import pyarrow.parquet as pq

HERE = pathlib.Path(__file__).parent
ROWS, PAGE, KEPT = 8000, 1000, range(3000, 4000)
first = datetime.datetime(2013, 1, 1, tzinfo=datetime.timezone.utc)
table = pa.table(
    {
        "n": pa.array(range(ROWS), pa.int64()),
        # A page a day.
        "at": pa.array([first + datetime.timedelta(seconds=80 * row) for row in range(ROWS)], pa.timestamp("us", "UTC")),
        # Half as wide, so that its pages are twice as long.
        "half": pa.array([row // 2 for row in range(ROWS)], pa.int32()),
        # Without any order: no page of it can be left out.
        "mixed": pa.array([row * 7919 % ROWS for row in range(ROWS)], pa.int64()),
    }
)
schema = pa.schema([field.with_nullable(False) for field in table.schema])
pq.write_table(
    table.cast(schema),
    HERE / "pages.parquet",
    compression="none",
    use_dictionary=False,
    data_page_size=8 * PAGE,
    write_batch_size=PAGE,
    write_page_index=True,
)
data = bytearray((HERE / "pages.parquet").read_bytes())
for name in ("n", "at"):
    values = table[name].cast(pa.int64()).to_pylist()
    lie = struct.pack("<q", values[3500])
    at = 0
    for start in range(0, ROWS, PAGE):
        page = struct.pack(f"<{PAGE}q", *values[start : start + PAGE])
        at = data.index(page, at)
        if start not in KEPT:
            data[at : at + len(page)] = lie * PAGE
(HERE / "pages_lying.parquet").write_bytes(data)
