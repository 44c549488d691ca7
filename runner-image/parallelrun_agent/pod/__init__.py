"""What runs in a pod before its agent: puts the worker's program, the source and the job's folder in place."""
