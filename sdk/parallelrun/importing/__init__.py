"""Other systems' definitions as manifests of ours."""
