"""Test logins: a token of the caller, whom the API server identifies, and what whois expects."""
