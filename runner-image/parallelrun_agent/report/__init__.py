"""What people read of a run: written while it goes on and at its end, and read back by commands."""
