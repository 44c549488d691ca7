"""Which fields of a manifest may change while its job runs, and so over a resume: all others are what the job *is*."""

#: Fields of spec. `cancel` changes one way only, see ``rules.updates``.
MUTABLE = ("nodeCount", "suspend", "cancel", "ttlSecondsAfterFinished")
