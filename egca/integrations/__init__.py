"""Adapters: what egca finds out, where its users already are. One room for each, and its own extra.

Thin by intent: what is worth knowing about credit, programs and tests lies below."""
