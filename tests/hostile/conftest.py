"""Keeps pytest from importing the hostile programs."""

collect_ignore_glob = ["cases/*"]
