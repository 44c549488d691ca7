"""What commands do when they are about a job in the cluster. Imported only then: it is slow to import."""
