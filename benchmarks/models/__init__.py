"""Models: the client, the servers, what their parameters do, and what a call's policy holds."""
