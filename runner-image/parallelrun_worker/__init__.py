"""The worker: runs in the user's image, on the standard library alone, Python 3.7 and up.

``host`` starts, kills and replaces worker processes and makes their segments durable; ``process`` loads the script,
runs mini-batches and appends results to its segment. ``wire`` and ``segment`` are the formats shared with the agent.
"""
