"""Jobs in a cluster, with the rights of whoever calls: submitted, looked at, steered, their files fetched.

Only ``parallelrun.cli`` uses this package. Its modules import what speaks to the API server, which is slow to import:
commands that stay on this machine import nothing of it but ``place``.
"""
