"""multiprocessing.Pool of two processes: map, which sends many mini-batches in one message and waits for them all."""

import functools
import multiprocessing

import work


def main() -> None:
    name, folder, output = work.arguments()
    with multiprocessing.Pool(2, work.prepare, (name, folder)) as pool:
        run = functools.partial(work.run, name, folder)
        work.write(output, pool.map(run, work.WORKLOADS[name].batches(folder)))


if __name__ == "__main__":
    main()
