"""Tables of many versions written by deltalake, and the rows that deltalake reads at each.

python make_delta.py TABLE PLAIN: writes a partitioned table and one with a feature that readers must know; prints the rows
of each version of the first as JSON. Storage options come from the environment (AWS_*).
"""

import datetime
import json
import os
import sys

import pyarrow as pa
from deltalake import DeltaTable, write_deltalake

uri, plain = sys.argv[1:]
endpoint = os.environ.get("AWS_ENDPOINT_URL_S3")
options = {"AWS_ENDPOINT_URL": endpoint, "AWS_ALLOW_HTTP": "true"} if endpoint else None


def day(text):
    return datetime.date.fromisoformat(text) if text else None


def rows(ids, dates, kinds, x):
    return pa.table(
        {
            "id": pa.array(ids, pa.int64()),
            "dt": pa.array([day(text) for text in dates], pa.date32()),
            "kind": pa.array(kinds, pa.string()),
            "x": pa.array(x, pa.float64()),
        }
    )


def write(data, **more):
    write_deltalake(uri, data, storage_options=options, **more)


def table(**at):
    return DeltaTable(uri, storage_options=options, **at)


first = rows([1, 2, 3], ["2013-01-01", "2013-01-01", "2013-01-02"], ["a", "b c/\u00e9%", None], [0.5, None, 2.5])
write(first, partition_by=["dt", "kind"])
write(rows([4, 5], ["2013-01-02", None], ["a", "7"], [4.0, 5.0]), mode="append")
table().delete("id = 2")
table().delete("x > 4.5")
table().create_checkpoint()
more = rows([6], ["2013-01-03"], ["a"], [6.0]).append_column("extra", pa.array([60], pa.int64()))
write(more, mode="append", schema_mode="merge")
table().update(updates={"x": "x + 100"}, predicate="id = 1")
write(rows([7, 8], ["2013-02-01", "2013-02-02"], ["a", "a"], [7.0, 8.0]), mode="overwrite", schema_mode="merge")
table().create_checkpoint()
write(rows([9], ["2013-02-03"], ["b"], [9.0]), mode="append", schema_mode="merge")

# Parts of a checkpoint: other writers make them of large tables. The rows are those that deltalake wrote.
if not endpoint:
    import pyarrow.parquet as pq

    log = os.path.join(uri, "_delta_log")
    whole = os.path.join(log, f"{6:020d}.checkpoint.parquet")
    actions = pq.read_table(whole)
    half = actions.num_rows // 2
    for number, part in enumerate([actions.slice(0, half), actions.slice(half)], 1):
        pq.write_table(part, os.path.join(log, f"{6:020d}.checkpoint.{number:010d}.{2:010d}.parquet"))
    os.remove(whole)
    # As a cleaned up log: what came before the first checkpoint is gone.
    for version in (0, 1, 2, 3):
        os.rename(os.path.join(log, f"{version:020d}.json"), os.path.join(uri, f"{version}.away"))

write_deltalake(
    plain,
    pa.table({"id": [1]}),
    storage_options=options,
    configuration={"delta.enableDeletionVectors": "true"},
)

expected = {}
for version in range(8) if endpoint else range(3, 8):
    read = table(version=version).to_pyarrow_table().to_pylist()
    for row in read:
        row["dt"] = row["dt"].isoformat() if row["dt"] else None
    keys = ["id", "dt", "kind", "x", "extra"]
    expected[version] = sorted([[row.get(key) for key in keys] for row in read])
print(json.dumps(expected), flush=True)
# Threads of deltalake and pyarrow abort now and then while the interpreter goes down; all is written by now.
os._exit(0)
