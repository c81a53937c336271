"""Reference values of the column profile, from numpy: python make_vectors.py > profile.json"""

import json

import numpy as np

RNG = np.random.default_rng(20130101)
PS = [0.0, 0.01, 0.05, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 1.0]
CASES = {
    "one": np.array([3.5]),
    "two": np.array([1.0, 2.0]),
    "ties": np.repeat([1.0, 2.0, 7.0], [5, 90, 5]),
    "small_spread": 1e9 + RNG.normal(size=500),
    "skewed": np.round(RNG.lognormal(sigma=2, size=1500), 3),
    "negative": -RNG.exponential(size=777),
}

out = []
for name, values in CASES.items():
    ends = np.quantile(values, [0.01, 0.99])
    out.append({
        "name": name,
        "values": values.tolist(),
        "mean": float(values.mean()),
        "std": float(values.std(ddof=1)) if len(values) > 1 else None,
        "min": float(values.min()),
        "max": float(values.max()),
        "distinct": len(np.unique(values)),
        "spread": np.histogram(np.clip(values, *ends), bins=7, range=ends)[0].tolist() if ends[0] < ends[1] else None,
        "quantiles": [[p, float(np.quantile(values, p))] for p in PS],
    })  # fmt: skip
print(json.dumps(out))
