"""Ray Data on two CPUs: a batch is a mini-batch (W1, W2); its own reader and writer (W3)."""

import os
from pathlib import Path

os.environ["RAY_DATA_DISABLE_PROGRESS_BARS"] = "1"
os.environ["PYTHONPATH"] = str(Path(__file__).resolve().parent)  # for the actors

import ray
import work


class Runner:
    """Runs mini-batches in an actor that is prepared once."""

    def __init__(self, name: str, folder: Path) -> None:
        self.name, self.folder = name, folder
        work.prepare(name, folder)

    def __call__(self, rows: dict) -> dict:
        texts = [work.run(self.name, self.folder, list(batch)) for batch in rows["batch"]]
        return {"index": rows["index"], "text": texts}


def run_batches(name: str, folder: Path, output: Path) -> None:
    rows = [{"index": i, "batch": batch} for i, batch in enumerate(work.WORKLOADS[name].batches(folder))]
    results = ray.data.from_items(rows).map_batches(
        Runner, fn_constructor_args=(name, folder), batch_size=1, compute=ray.data.ActorPoolStrategy(size=2), num_cpus=1
    )
    taken = sorted(results.take_all(), key=lambda row: row["index"])
    work.write(output, (row["text"] for row in taken))


def add_revenue(frame):
    frame["revenue"] = frame["quantity"] * frame["price"]
    return frame


def main() -> None:
    name, folder, output = work.arguments()
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
    if name == "w3":
        table = ray.data.read_csv(str(folder / "input" / "sales.csv"))
        table.map_batches(add_revenue, batch_format="pandas").write_csv(str(output))
    else:
        run_batches(name, folder, output)


if __name__ == "__main__":
    main()
