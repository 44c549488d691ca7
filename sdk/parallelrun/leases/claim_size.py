"""How many mini-batches a node claims at a time: few at first, then at most double, never the lion's share.

Small first claims put every node to work at once and show the rate; growth keeps the store's load at about one claim a
node and minute, whatever the number of mini-batches; the share leaves something for the others at the end, unless it
is so little that asking for it takes longer than running it.
"""

from __future__ import annotations

from math import ceil

#: A claim is at most this many seconds of work at the observed rate.
SECONDS = 60.0
#: Less than this is not shared: at the end of a job of short mini-batches, claims would only get smaller and smaller.
SHARED_SECONDS = 0.25


def claim_size(last: int, processes: int, unclaimed: int, nodes: int, rate: float) -> int:
    """The next claim, in mini-batches, at least 1.

    ``last`` is the size of this node's last claim (0: none), ``unclaimed`` what is left to claim, ``nodes`` how many
    share it, ``rate`` this node's mini-batches a second (0: not known). A node's processes each get a mini-batch even
    where one takes longer than a minute. A node that is alone has nobody to leave half of the rest to.
    """
    growth = 2 * last if last > 0 else processes
    worth_sharing = ceil(rate * SHARED_SECONDS)
    share = min(unclaimed, max(worth_sharing, ceil(unclaimed / (2 * nodes)))) if nodes > 1 else unclaimed
    minute = max(processes, ceil(rate * SECONDS)) if rate > 0 else growth
    return max(1, min(growth, share, minute))
