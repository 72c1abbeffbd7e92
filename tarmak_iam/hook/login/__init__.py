"""The proof of a login: a token of the caller, the API server's word for it, and an account of the difference."""
