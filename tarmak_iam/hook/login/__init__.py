"""A login that is tried: a token of the caller, who the API server says that is, and what whois expects."""
