"""The credit rules, a file for each idea. Their names stand in egca/credit/strategies.py."""
