"""Times parallelrun against other ways to do the same work on one machine. Started by `make bench`.

make bench                                   everything: about an hour
make bench BENCH="--only W1 --runs 3"        one workload
make bench BENCH="--only W3 --peers Text,CSV,loop"
make bench BENCH="--only costs"              overhead per mini-batch, memory, planning and merge rates
make bench BENCH="--only fetching"           files in an object store that is slow to answer, against a folder
make bench BENCH="--only cluster"            W1 on the test cluster, against a pod for each item (needs Docker)
"""

from __future__ import annotations

import argparse
import platform
import shutil
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import contenders
import costs
import table
import workloads
from race import Entry, race


def main() -> None:
    arguments = _arguments()
    base = workloads.ROOT / ".bench"
    scratch = base / "scratch"
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True)
    (base / "data").mkdir(exist_ok=True)
    print(f"Python {platform.python_version()}, {platform.system()} {platform.machine()}", flush=True)

    results: dict[str, list[Entry]] = {}
    for name in ("w1", "w2", "w3"):
        if name in arguments.only:
            entrants = [one for one in contenders.all_of(name) if _wanted(one.name, arguments.peers)]
            print(f"{table.TITLES[name]}: {len(entrants)} contenders, {arguments.runs} runs ...", flush=True)
            results[name] = race(name, workloads.make(name, base / "data"), entrants, arguments.runs, scratch)
    if results:
        print(f"\n{table.render(results, arguments.runs)}\n", flush=True)
    if "costs" in arguments.only:
        costs.report(scratch, arguments.largest)
    if "fetching" in arguments.only:
        import fetching

        fetching.report(scratch, 1000)
    if "cluster" in arguments.only:
        import on_a_cluster

        on_a_cluster.report(base / "data", arguments.runs)
    shutil.rmtree(scratch, ignore_errors=True)


def _wanted(name: str, peers: list[str]) -> bool:
    return not peers or any(peer.lower() in name.lower() for peer in peers)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="make bench", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--only", default="w1,w2,w3,costs", help="some of W1, W2, W3, costs, fetching, cluster")
    parser.add_argument("--runs", type=int, default=3, help="times that each is run (default 3)")
    parser.add_argument("--peers", default="", help="only contenders with one of these in their name, with commas")
    parser.add_argument("--largest", type=int, default=10**7, help="mini-batches of the largest memory run")
    arguments = parser.parse_args()
    arguments.only = [word.strip().lower() for word in arguments.only.split(",")]
    arguments.peers = [word.strip() for word in arguments.peers.split(",") if word.strip()]
    return arguments


if __name__ == "__main__":
    main()
