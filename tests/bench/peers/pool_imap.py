"""multiprocessing.Pool of two processes, one mini-batch to a message: each result comes when it is there."""

import functools
import multiprocessing

import work


def main() -> None:
    name, folder, output = work.arguments()
    with multiprocessing.Pool(2, work.prepare, (name, folder)) as pool:
        run = functools.partial(work.run, name, folder)
        work.write(output, pool.imap(run, work.WORKLOADS[name].batches(folder)))


if __name__ == "__main__":
    main()
