"""The built wheel on every Python that is found, with the lowest and with the newest versions of what it needs."""
