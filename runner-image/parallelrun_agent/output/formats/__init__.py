"""The formats of an output: how the payloads of mini-batches become one file."""
