"""The bench's results as text: one table, ratios to the plain loop of the same run."""

from __future__ import annotations

from race import Entry

TITLES = {
    "w1": "W1: 20,000 mini-batches of one tiny file",
    "w2": "W2: 10,000 PNG images in tens, TensorFlow",
    "w3": "W3: 84 MB of CSV in 1 MB frames, a column more",
}
HEAD = f"{'':<26}{'version':>10}{'seconds':>10}{'spread':>15}{'times the loop':>16}{'vs Pool.imap':>14}"


def render(results: dict[str, list[Entry]], runs: int) -> str:
    """All workloads in one table. Spread is the fastest and slowest of the runs."""
    lines = [f"Medians of {runs} interleaved run(s), whole processes from start to end.", "", HEAD]
    for workload, entries in results.items():
        lines += ["-" * len(HEAD), TITLES[workload]]
        by_name = {entry.contender.name: entry for entry in entries if not entry.remark}
        lines += [_line(entry, by_name) for entry in entries]
    return "\n".join(lines)


def _line(entry: Entry, by_name: dict[str, Entry]) -> str:
    name = f"  {entry.contender.name:<24}{entry.version or '-':>10}"
    if entry.remark:
        return f"{name}  {entry.remark}"
    spread = f"{min(entry.seconds):.2f}-{max(entry.seconds):.2f}"
    return f"{name}{entry.median:>10.2f}{spread:>15}{_loop(entry, by_name):>16}{_pool(entry, by_name):>14}"


def _loop(entry: Entry, by_name: dict[str, Entry]) -> str:
    """How many times as fast as the loop."""
    loop = by_name.get("plain loop")
    return f"{loop.median / entry.median:.2f} x" if loop else ""


def _pool(entry: Entry, by_name: dict[str, Entry]) -> str:
    """How many times as long as Pool.imap."""
    pool = by_name.get("Pool(2).imap")
    return f"{entry.median / pool.median:.2f}" if pool else ""
