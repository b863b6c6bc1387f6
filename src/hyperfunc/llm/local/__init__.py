"""The embedded models: small transformers that run on numpy, and the client that answers with them."""
