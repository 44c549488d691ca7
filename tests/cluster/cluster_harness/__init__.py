"""What tests against a cluster stand on: the cluster, a namespace for each, faults, and evidence where one fails."""
