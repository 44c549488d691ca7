"""The agent: one per node, holding the node's leases and credentials; plans, feeds workers, merges, reports."""
