"""Spark on two local cores: a task is a mini-batch (W1, W2); its own reader and writer (W3)."""

import os
import sys
from pathlib import Path

here = str(Path(__file__).resolve().parent)
os.environ["PYSPARK_PYTHON"] = sys.executable
os.environ["PYTHONPATH"] = here

import work  # noqa: E402
from pyspark.sql import SparkSession  # noqa: E402


def run_batches(spark: SparkSession, name: str, folder: Path, output: Path) -> None:
    batches = work.WORKLOADS[name].batches(folder)
    if len(sys.argv) > 4:
        batches = batches[: int(sys.argv[4])]
    tasks = spark.sparkContext.parallelize(batches, len(batches))
    work.write(output, tasks.map(lambda batch: work.run(name, folder, batch)).collect())


def add_column(spark: SparkSession, folder: Path, output: Path) -> None:
    frame = spark.read.csv(str(folder / "input" / "sales.csv"), header=True, inferSchema=True)
    frame.withColumn("revenue", frame["quantity"] * frame["price"]).write.csv(str(output), header=True)


def main() -> None:
    name, folder, output = work.arguments()
    builder = SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false")
    builder = builder.config("spark.ui.showConsoleProgress", "false")
    spark = builder.config("spark.sql.files.maxPartitionBytes", work.FRAME_BYTES).getOrCreate()
    spark.sparkContext.setLogLevel("ERROR")
    if name == "w3":
        add_column(spark, folder, output)
    else:
        run_batches(spark, name, folder, output)
    spark.stop()


if __name__ == "__main__":
    main()
