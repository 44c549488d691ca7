"""Runs a manifest on this machine: the store in memory, the same agents and workers as in a cluster."""
