"""The command ``parallelrun``, one file a command."""
