"""scikit-learn under train-launch: a classifier of every numeric column against LABEL, its checkpoints kept.

A pod that is evicted is replaced, and TRAIN_OUTPUT/checkpoints is what its successor finds where the directory is on a
claim (`--volume checkpoints=pvc:NAME:/out/training/checkpoints`). Same bytes in, same model out: the seed is fixed.
"""

import json
import os
import pathlib
import pickle

import mlflow
import pandas as pd
import sklearn
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import log_loss, roc_auc_score

LABEL = os.environ["LABEL"]
ROUNDS = int(os.environ.get("ROUNDS", "100"))
STEP = 10

dataset = json.loads(pathlib.Path(os.environ["TRAIN_DATASET"]).read_text())
output = pathlib.Path(os.environ["TRAIN_OUTPUT"])
progress = pathlib.Path(os.environ["TRAIN_PROGRESS"])


def read(split: str) -> tuple[pd.DataFrame, pd.Series]:
    """The numeric columns and the label of every object of a split."""
    frame = pd.concat(
        [pd.read_parquet(item["uri"]) for item in dataset["splits"][split]["objects"]], ignore_index=True
    )
    return frame.drop(columns=LABEL).select_dtypes("number").astype("float64"), frame[LABEL]


def replace(path: pathlib.Path, content: bytes) -> None:
    """Whole or not at all: a pod may end at any moment."""
    path.parent.mkdir(exist_ok=True)
    draft = path.with_suffix(".new")
    draft.write_bytes(content)
    draft.rename(path)


def main() -> None:
    checkpoint = output / "checkpoints" / "model.pickle"
    if checkpoint.exists():
        model = pickle.loads(checkpoint.read_bytes())
        print(f"going on after round {model.max_iter}")
    else:
        model = HistGradientBoostingClassifier(max_iter=0, warm_start=True, early_stopping=False, random_state=7)
    x, y = read("train")
    other, truth = read("validation")
    with mlflow.start_run(run_id=os.environ["MLFLOW_RUN_ID"]):
        mlflow.log_params({"rounds": ROUNDS, "learning_rate": model.learning_rate})
        while model.max_iter < ROUNDS:
            model.max_iter = min(model.max_iter + STEP, ROUNDS)
            model.fit(x, y)
            score = model.predict_proba(other)[:, 1]
            metrics = {"auc": roc_auc_score(truth, score), "log_loss": log_loss(truth, score)}
            mlflow.log_metrics(metrics, step=model.max_iter)
            replace(checkpoint, pickle.dumps(model))
            progress.write_text(f"{model.max_iter}/{ROUNDS}")
        example = other.head(3)
        mlflow.sklearn.save_model(
            model,
            output / "model",
            # What KServe's and MLServer's runtimes load.
            serialization_format="cloudpickle",
            signature=mlflow.models.infer_signature(example, model.predict(example)),
            input_example=example,
            pip_requirements=[f"mlflow=={mlflow.__version__}", f"scikit-learn=={sklearn.__version__}"],
        )


if __name__ == "__main__":
    main()
