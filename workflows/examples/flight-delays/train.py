"""The team's own training code: will this flight arrive more than 15 minutes late?

The launcher gives TRAIN_DATASET (dataset.json of the validation step), MLFLOW_RUN_ID and TRAIN_OUTPUT, and expects
TRAIN_OUTPUT/model/. Same bytes in, same model out: seeds are fixed and LightGBM is told to be deterministic.
"""

import datetime
import json
import os
import pathlib

import lightgbm as lgb
import mlflow
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

FEATURES = [
    "dep_delay", "sched_dep_minute", "sched_arr_minute", "weekday", "distance",
    "carrier_code", "origin_code", "dest_code", "plane_age", "plane_seats", "plane_engines",
    "temp", "dewp", "humid", "wind_dir", "wind_speed", "precip", "pressure", "visib",
]  # fmt: skip
LABEL = "late"
PARAMS = {
    "objective": "binary", "metric": ["auc", "binary_logloss"], "learning_rate": 0.1, "num_leaves": 31,
    "min_data_in_leaf": 100, "seed": 7, "deterministic": True, "force_row_wise": True, "num_threads": 1, "verbose": -1,
}  # fmt: skip
ROUNDS = 100


def read(dataset: dict, split: str) -> lgb.Dataset:
    """The rows of one split, those of the window where the dataset has one."""
    columns = [*FEATURES, LABEL]
    window = dataset.get("window")
    time = [window["column"]] if window else []
    table = pa.concat_tables(
        pq.read_table(item["uri"], columns=columns + time) for item in dataset["splits"][split]["objects"]
    )
    if window:
        low, high = (datetime.datetime.fromisoformat(window[end]) for end in ("from", "to"))
        when = table[window["column"]]
        table = table.filter(pc.and_(pc.greater_equal(when, low), pc.less(when, high)))
    frame = table.select(columns).to_pandas().astype("float64")
    return lgb.Dataset(frame[FEATURES], frame[LABEL], free_raw_data=False)


def main() -> None:
    dataset = json.loads(pathlib.Path(os.environ["TRAIN_DATASET"]).read_text())
    train, validation = read(dataset, "train"), read(dataset, "validation")
    # Parameters, curves and importances go to the run; the model itself goes to TRAIN_OUTPUT.
    mlflow.lightgbm.autolog(log_models=False, log_datasets=False, log_input_examples=False)
    with mlflow.start_run(run_id=os.environ["MLFLOW_RUN_ID"]):
        booster = lgb.train(
            PARAMS, train, ROUNDS, valid_sets=[validation], valid_names=["validation"],
            callbacks=[lgb.log_evaluation(25)],
        )  # fmt: skip
        example = validation.get_data().head(3)
        mlflow.lightgbm.save_model(
            booster,
            pathlib.Path(os.environ["TRAIN_OUTPUT"]) / "model",
            signature=mlflow.models.infer_signature(example, booster.predict(example)),
            input_example=example,
            pip_requirements=[f"{p.__name__}=={p.__version__}" for p in (mlflow, lgb)],
        )


if __name__ == "__main__":
    main()
