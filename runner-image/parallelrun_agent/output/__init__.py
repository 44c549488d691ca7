"""From segments to the output: reading records, choosing winners, checking payloads, merging, finalizing."""
