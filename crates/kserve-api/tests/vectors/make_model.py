"""A small LightGBM model and what it predicts; writes model.txt and predictions.json. Run it in the project's venv."""

import json
import pathlib

import lightgbm as lgb
import numpy as np

here = pathlib.Path(__file__).parent
random = np.random.default_rng(7)
x = random.normal(size=(400, 3))
x[random.random(x.shape) < 0.1] = np.nan
y = (np.nan_to_num(x[:, 0]) + 0.5 * np.nan_to_num(x[:, 1]) + 0.2 * random.normal(size=400) > 0).astype(int)
params = {"objective": "binary", "num_leaves": 4, "seed": 7, "deterministic": True, "num_threads": 1, "verbose": -1}
booster = lgb.train(params, lgb.Dataset(x, y, feature_name=["delay", "distance", "wind"]), 8)
booster.save_model(here / "model.txt")
rows = x[:25]
(here / "predictions.json").write_text(json.dumps({
    "columns": ["delay", "distance", "wind"],
    "rows": [[None if np.isnan(v) else float(v) for v in row] for row in rows],
    "predictions": [float(p) for p in booster.predict(rows)],
}, indent=0) + "\n")
