"""A small real model as MLflow writes it, for the tests: five small trees on two columns.

Run with the project's Python environment: python make_model.py  (writes model/ beside this file).
The bytes differ from run to run (ids, times); the tests digest what is there.
"""

import pathlib
import shutil

import lightgbm as lgb
import mlflow
import numpy as np
import pandas as pd

HERE = pathlib.Path(__file__).parent
target = HERE / "model"
shutil.rmtree(target, ignore_errors=True)
rng = np.random.default_rng(7)
rows = pd.DataFrame({"dep_delay": rng.normal(10, 20, 400), "distance": rng.uniform(100, 2500, 400)})
late = (rows["dep_delay"] + rng.normal(0, 10, 400) > 15).astype(float)
params = {"objective": "binary", "num_leaves": 4, "verbose": -1, "seed": 7, "deterministic": True, "num_threads": 1}
booster = lgb.train(params, lgb.Dataset(rows, late), 5)
mlflow.lightgbm.save_model(
    booster,
    target,
    signature=mlflow.models.infer_signature(rows.head(2), booster.predict(rows.head(2))),
    input_example=rows.head(2),
    pip_requirements=[f"mlflow=={mlflow.__version__}", f"lightgbm=={lgb.__version__}", "numpy"],
)
