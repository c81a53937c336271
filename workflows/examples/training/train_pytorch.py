"""PyTorch under train-launch: a small network over every numeric column against LABEL, on the GPU that the pod has.

A checkpoint an epoch holds model, optimiser and generator, so that a pod that takes the place of an evicted one goes on as if
nothing had been. On SIGTERM the epoch under way is given up: the launcher grants --stop-grace, and the checkpoint is whole.
"""

import json
import os
import pathlib

# cuBLAS computes the same twice only when it is told so before it starts.
os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")

import mlflow
import pandas as pd
import torch
from torch import nn

LABEL = os.environ["LABEL"]
EPOCHS = int(os.environ.get("EPOCHS", "10"))

dataset = json.loads(pathlib.Path(os.environ["TRAIN_DATASET"]).read_text())
output = pathlib.Path(os.environ["TRAIN_OUTPUT"])
device = torch.device("cuda" if torch.cuda.is_available() else "cpu")


def read(split: str) -> tuple[pd.DataFrame, pd.Series]:
    """The numeric columns and the label of every object of a split."""
    frame = pd.concat(
        [pd.read_parquet(item["uri"]) for item in dataset["splits"][split]["objects"]], ignore_index=True
    )
    return frame.drop(columns=LABEL).select_dtypes("number").astype("float32"), frame[LABEL].astype("float32")


class Scaled(nn.Module):
    """Missing values become the mean, and every column the same spread: part of the model, so that serving does it too."""

    def __init__(self, mean: torch.Tensor, std: torch.Tensor) -> None:
        super().__init__()
        self.register_buffer("mean", mean)
        self.register_buffer("std", std)
        width = len(mean)
        self.layers = nn.Sequential(nn.Linear(width, 64), nn.ReLU(), nn.Linear(64, 1), nn.Sigmoid())

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = torch.where(torch.isnan(x), self.mean, x)
        return self.layers((x - self.mean) / self.std).squeeze(1)


def main() -> None:
    torch.manual_seed(7)
    torch.use_deterministic_algorithms(True)
    frame, label = read("train")
    other, truth = read("validation")
    mean = torch.tensor(frame.mean().fillna(0).to_numpy())
    std = torch.tensor(frame.std().fillna(1).clip(lower=1e-6).to_numpy())
    model = Scaled(mean, std).to(device)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    generator = torch.Generator().manual_seed(7)
    loss_of = nn.BCELoss()
    x, y = torch.tensor(frame.to_numpy()), torch.tensor(label.to_numpy())
    x_other, y_other = torch.tensor(other.to_numpy()).to(device), torch.tensor(truth.to_numpy()).to(device)

    checkpoint = output / "checkpoints" / "last.pt"
    checkpoint.parent.mkdir(exist_ok=True)
    first = 0
    if checkpoint.exists():
        kept = torch.load(checkpoint, map_location="cpu", weights_only=True)
        model.load_state_dict(kept["model"])
        optimizer.load_state_dict(kept["optimizer"])
        generator.set_state(kept["generator"])
        first = kept["epoch"]
        print(f"going on after epoch {first}")

    with mlflow.start_run(run_id=os.environ["MLFLOW_RUN_ID"]):
        mlflow.log_params({"epochs": EPOCHS, "learning_rate": 1e-3})
        for epoch in range(first + 1, EPOCHS + 1):
            model.train()
            for part in torch.randperm(len(x), generator=generator).split(512):
                optimizer.zero_grad()
                loss = loss_of(model(x[part].to(device)), y[part].to(device))
                loss.backward()
                optimizer.step()
            model.eval()
            with torch.no_grad():
                mlflow.log_metric("validation_loss", loss_of(model(x_other), y_other).item(), step=epoch)
            state = {
                "model": model.state_dict(), "optimizer": optimizer.state_dict(),
                "generator": generator.get_state(), "epoch": epoch,
            }  # fmt: skip
            torch.save(state, checkpoint.with_suffix(".new"))
            checkpoint.with_suffix(".new").rename(checkpoint)
            # Read off this line by the launcher, for Argo.
            print(f"epoch {epoch}/{EPOCHS}", flush=True)
        example = other.head(3)
        model = model.cpu()
        with torch.no_grad():
            answer = model(torch.tensor(example.to_numpy())).numpy()
        mlflow.pytorch.save_model(
            model,
            output / "model",
            signature=mlflow.models.infer_signature(example, answer),
            input_example=example,
            pip_requirements=[f"mlflow=={mlflow.__version__}", f"torch=={torch.__version__.split('+')[0]}"],
        )


if __name__ == "__main__":
    main()
