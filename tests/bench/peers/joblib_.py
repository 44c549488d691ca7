"""joblib with two processes, and the chunks that it chooses."""

import joblib
import work


def main() -> None:
    name, folder, output = work.arguments()
    batches = work.WORKLOADS[name].batches(folder)
    run = joblib.delayed(work.run)
    work.write(output, joblib.Parallel(n_jobs=2)(run(name, folder, batch) for batch in batches))


if __name__ == "__main__":
    main()
