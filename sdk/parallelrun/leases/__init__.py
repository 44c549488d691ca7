"""Who may run what: the job's header, the allocator's shards, node leases, and the stores that hold them."""
