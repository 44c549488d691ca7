"""A plain loop in one process."""

import work


def main() -> None:
    name, folder, output = work.arguments()
    work.write(output, (work.run(name, folder, batch) for batch in work.WORKLOADS[name].batches(folder)))


if __name__ == "__main__":
    main()
