"""Jobs in a cluster, from outside of it: submitted, watched, steered and fetched through the API server."""
