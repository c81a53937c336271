"""The same checks by other tools, each as a person would write them.

    python peers.py decode|duckdb|pandera|great_expectations FLIGHTS AIRPORTS AIRLINES

Prints the rows that are bad: those of `tailnum`, and the orphans of `dest`.
"""

import sys

CASE, FLIGHTS, AIRPORTS, AIRLINES = sys.argv[1:5]
CARRIERS = "9E AA AS B6 DL EV F9 FL HA MQ OO UA US VX WN YV".split()
ORIGINS = ["EWR", "JFK", "LGA"]
PATTERN = "^N[0-9A-Z]+$"


def decode() -> None:
    import pyarrow.parquet as pq

    for batch in pq.ParquetFile(FLIGHTS).iter_batches(use_threads=False):
        assert batch.num_rows


def duckdb() -> None:
    import duckdb

    connection = duckdb.connect()
    connection.execute("set threads = 2")
    schema = connection.execute(f"describe select * from '{FLIGHTS}'").fetchall()
    assert len(schema) == 19
    quoted = lambda values: ", ".join(f"'{value}'" for value in values)
    row = connection.execute(
        f"""
        select count(*),
          avg((dep_time is null)::int), avg((dep_delay is null)::int), avg((arr_delay is null)::int), avg((tailnum is null)::int),
          count(*) filter (where not month between 1 and 12), count(*) filter (where not day between 1 and 31),
          count(*) filter (where not dep_delay between -100 and 2000), count(*) filter (where not air_time between 0 and 1000),
          count(*) filter (where not distance between 0 and 6000),
          count(*) filter (where carrier not in ({quoted(CARRIERS)})), count(*) filter (where origin not in ({quoted(ORIGINS)})),
          count(*) filter (where not regexp_matches(tailnum, '{PATTERN}')),
          avg(dep_delay), avg(arr_delay), stddev(dep_delay), stddev(arr_delay), quantile_cont(dep_delay, 0.95),
          count(*) filter (where carrier not in (select carrier from '{AIRLINES}')),
          count(*) filter (where dest not in (select faa from '{AIRPORTS}'))
        from '{FLIGHTS}'
        """
    ).fetchone()
    print(row[12], row[19])


def pandera() -> None:
    import pandera.polars as pa
    import polars as pl

    faa = pl.read_parquet(AIRPORTS)["faa"].to_list()
    between = pa.Check.in_range
    frame = pl.read_parquet(FLIGHTS)
    schema = pa.DataFrameSchema(
        {
            "month": pa.Column(checks=between(1, 12)),
            "day": pa.Column(checks=between(1, 31)),
            "dep_delay": pa.Column(checks=between(-100, 2000), nullable=True),
            "air_time": pa.Column(checks=between(0, 1000), nullable=True),
            "distance": pa.Column(checks=between(0, 6000)),
            "carrier": pa.Column(checks=pa.Check.isin(CARRIERS)),
            "origin": pa.Column(checks=pa.Check.isin(ORIGINS)),
            "tailnum": pa.Column(checks=pa.Check.str_matches(PATTERN), nullable=True),
            "dest": pa.Column(checks=pa.Check.isin(faa)),
        }
    )
    stats = frame.select(
        pl.col("dep_time", "dep_delay", "arr_delay", "tailnum").null_count().name.prefix("null_"),
        pl.col("dep_delay", "arr_delay").mean().name.prefix("mean_"),
        pl.col("dep_delay", "arr_delay").std().name.prefix("std_"),
        pl.col("dep_delay").quantile(0.95).alias("p95"),
    )
    assert stats.height == 1 and frame.height >= 1_000_000 and frame.width == 19
    try:
        schema.validate(frame, lazy=True)
    except pa.errors.SchemaErrors as errors:
        counts = errors.failure_cases.group_by("column").len()
        print(*(dict(counts.iter_rows()).get(name, 0) for name in ["tailnum", "dest"]))


def great_expectations() -> None:
    import great_expectations as gx
    import great_expectations.expectations as gxe
    import pandas as pd

    frame = pd.read_parquet(FLIGHTS)
    faa = pd.read_parquet(AIRPORTS).faa.tolist()
    batch = gx.get_context(mode="ephemeral").data_sources.add_pandas("p").add_dataframe_asset("a").add_batch_definition_whole_dataframe("b").get_batch({"dataframe": frame})  # fmt: skip
    rules = [
        gxe.ExpectTableColumnsToMatchOrderedList(column_list=list(frame.columns)),
        *(gxe.ExpectColumnValuesToBeOfType(column=name, type_=str(frame[name].dtype)) for name in frame.columns if frame[name].dtype != object),
        *(gxe.ExpectColumnValuesToNotBeNull(column=name, mostly=0.95) for name in ["dep_time", "dep_delay", "arr_delay", "tailnum"]),
        gxe.ExpectColumnValuesToBeBetween(column="month", min_value=1, max_value=12),
        gxe.ExpectColumnValuesToBeBetween(column="day", min_value=1, max_value=31),
        gxe.ExpectColumnValuesToBeBetween(column="dep_delay", min_value=-100, max_value=2000),
        gxe.ExpectColumnValuesToBeBetween(column="air_time", min_value=0, max_value=1000),
        gxe.ExpectColumnValuesToBeBetween(column="distance", min_value=0, max_value=6000),
        gxe.ExpectColumnValuesToBeInSet(column="carrier", value_set=CARRIERS),
        gxe.ExpectColumnValuesToBeInSet(column="origin", value_set=ORIGINS),
        gxe.ExpectColumnValuesToMatchRegex(column="tailnum", regex=PATTERN),
        *(gxe.ExpectColumnMeanToBeBetween(column=name, min_value=-10, max_value=30) for name in ["dep_delay", "arr_delay"]),
        *(gxe.ExpectColumnStdevToBeBetween(column=name, min_value=1, max_value=100) for name in ["dep_delay", "arr_delay"]),
        gxe.ExpectColumnQuantileValuesToBeBetween(column="dep_delay", quantile_ranges={"quantiles": [0.95], "value_ranges": [[None, 200]]}),
        gxe.ExpectTableRowCountToBeBetween(min_value=1_000_000),
        gxe.ExpectColumnValuesToBeInSet(column="dest", value_set=faa),
    ]  # fmt: skip
    found = {}
    for rule in rules:
        result = batch.validate(rule)
        found[(type(rule).__name__, getattr(rule, "column", ""))] = result.result.get("unexpected_count")
    print(found[("ExpectColumnValuesToMatchRegex", "tailnum")], found[("ExpectColumnValuesToBeInSet", "dest")])


globals()[CASE]()
