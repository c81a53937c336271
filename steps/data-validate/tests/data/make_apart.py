"""Which rows of the real flights (made by make_data.py) are good and which are bad, and why, as pandas says.

    python make_apart.py        writes apart.json beside itself
"""

import json
import pathlib

import pandas as pd

HERE = pathlib.Path(__file__).parent
flights = pd.read_parquet(HERE / "train.parquet")
known = set(pd.read_csv(HERE / "airports.csv").faa)

misses = {
    "not_null:train.dep_delay": flights.dep_delay.isna(),
    "range:train.dep_delay": flights.dep_delay > 60,
    "regex:train.tailnum": flights.tailnum.notna() & ~flights.tailnum.fillna("").str.fullmatch(r"N[0-9]{3}[A-Z]{2}"),
    "in_set:train.carrier": ~flights.carrier.isin(["UA", "AA", "B6", "DL", "EV", "MQ", "US", "WN"]),
    "expression:train.short hop": (flights.origin == "JFK") & (flights.distance < 300),
    "references:train.dest -> airports.faa": ~flights.dest.isin(known),
}
rows = {}
for check, bad in misses.items():
    for row in flights.index[bad]:
        rows.setdefault(int(row), []).append(check)
expected = {
    "rows": len(flights),
    "bad": [[row, "; ".join(sorted(checks))] for row, checks in sorted(rows.items())],
    "checks": {check: int(bad.sum()) for check, bad in misses.items() if bad.any()},
}
(HERE / "apart.json").write_text(json.dumps(expected, indent=1) + "\n")
