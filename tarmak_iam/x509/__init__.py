"""PEM blocks, certificates and keys as facts, read as Go reads them. `certificates` needs the extra `webhook`."""
