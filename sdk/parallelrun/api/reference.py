"""The notation ``$(name)`` in arguments and variables; ``$$(name)`` stands for the text itself, as in Kubernetes."""

import re

#: Groups: "$" where it is escaped, else ""; the name.
REFERENCE = re.compile(r"(\$?)\$\(([^()]*)\)")
