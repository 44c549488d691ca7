"""Dask on two processes: a task is a mini-batch (W1, W2); its own reader and writer (W3)."""

from pathlib import Path

import dask
import work


def run_batches(name: str, folder: Path, output: Path) -> None:
    run = dask.delayed(work.run, pure=False)
    tasks = [run(name, folder, batch) for batch in work.WORKLOADS[name].batches(folder)]
    work.write(output, dask.compute(*tasks, scheduler="processes", num_workers=2, chunksize=1))


def add_column(folder: Path, output: Path) -> None:
    import dask.dataframe

    frame = dask.dataframe.read_csv(folder / "input" / "sales.csv", blocksize=work.FRAME_BYTES)
    frame["revenue"] = frame["quantity"] * frame["price"]
    with dask.config.set(scheduler="processes", num_workers=2):
        frame.to_csv(str(output), single_file=True, index=False)


def main() -> None:
    name, folder, output = work.arguments()
    if name == "w3":
        add_column(folder, output)
    else:
        run_batches(name, folder, output)


if __name__ == "__main__":
    main()
