"""Runs of pipelines on this machine: each step is an ordinary run, in a process and a folder of its own."""
