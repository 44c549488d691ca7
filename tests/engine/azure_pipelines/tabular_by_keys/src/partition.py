import argparse
import csv
import os

MLTABLE = """\
paths:
- pattern: ./*/*.csv
transformations:
- read_delimited:
    delimiter: ","
    header: all_files_same_headers
- extract_columns_from_partition_format:
    partition_format: "{Store}/{Brand}.csv"
"""


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--table")
    parser.add_argument("--keys")
    parser.add_argument("--partitioned")
    args = parser.parse_args()
    first, second = args.keys.split(",")
    parts = {}
    with open(args.table, newline="") as file:
        for row in csv.DictReader(file):
            parts.setdefault((row.pop(first), row.pop(second)), []).append(row)
    for (store, brand), rows in parts.items():
        os.makedirs(os.path.join(args.partitioned, store), exist_ok=True)
        with open(os.path.join(args.partitioned, store, brand + ".csv"), "w", newline="") as file:
            writer = csv.DictWriter(file, rows[0].keys())
            writer.writeheader()
            writer.writerows(rows)
    with open(os.path.join(args.partitioned, "MLTable"), "w") as file:
        file.write(MLTABLE)


if __name__ == "__main__":
    main()
