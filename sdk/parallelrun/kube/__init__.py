"""The only package that speaks to the API server: a client with dicts in and dicts out, and the lease store on it."""
