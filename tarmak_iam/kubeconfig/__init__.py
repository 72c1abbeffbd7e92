"""The kubeconfig for users: exec entries, the merge into an existing file, ownership, and the redacted diff."""
