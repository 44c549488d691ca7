"""What people are told of a job: its status, whole, and Events for what changed."""
