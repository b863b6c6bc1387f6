"""One command a file. A module here imports only click until its command runs."""
