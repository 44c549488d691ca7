"""How many mini-batches a node claims at a time: few at first, then at most double, never the lion's share.

Small first claims put every node to work at once and show the rate; growth keeps the store's load at about one claim a
node and minute, whatever the number of mini-batches; the share leaves something for the others at the end. Neither
makes a claim so small that asking for it is more trouble than running it.
"""

from __future__ import annotations

from math import ceil

#: A claim is at most this many seconds of work at the observed rate.
SECONDS = 60.0
#: Less than this is not worth a claim: where mini-batches are short, there would be many of them at the beginning, and
#: at the end they would only get smaller and smaller.
WORTH_SECONDS = 0.25
#: The same in a cluster, where each claim is a write of the API server's.
WORTH_SECONDS_IN_CLUSTERS = 1.0


def claim_size(
    last: int, processes: int, unclaimed: int, nodes: int, rate: float, worth_seconds: float = WORTH_SECONDS
) -> int:
    """The next claim, in mini-batches, at least 1.

    ``last`` is the size of this node's last claim (0: none), ``unclaimed`` what is left to claim, ``nodes`` how many
    share it, ``rate`` this node's mini-batches a second (0: not known). A node's processes each get a mini-batch even
    where one takes longer than a minute. A node that is alone has nobody to leave half of the rest to.
    """
    worth = ceil(rate * worth_seconds)
    growth = max(2 * last, worth) if last > 0 else processes
    share = min(unclaimed, max(worth, ceil(unclaimed / (2 * nodes)))) if nodes > 1 else unclaimed
    minute = max(processes, ceil(rate * SECONDS)) if rate > 0 else growth
    return max(1, min(growth, share, minute))
