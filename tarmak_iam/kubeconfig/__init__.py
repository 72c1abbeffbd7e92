"""The kubeconfig of those who log in: exec entries, the merge into an existing file, ownership, the redacted diff."""
