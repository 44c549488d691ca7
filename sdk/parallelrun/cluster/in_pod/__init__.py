"""Programs that the command ships to a reader pod and runs there; the same code packs and unpacks on this side.

They travel as text over the program's own stdin, so the pod's image may be of another version: it needs Python 3.9
and its standard library, and nothing of ours.
"""
