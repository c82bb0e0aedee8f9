"""egca inside the tools that people already have: trainers, coding agents, pytest.

Thin adapters over the layers below. TRL's GRPOTrainer is `egca.integrations.trl`, verl's
plug-in `egca.integrations.verl` and the modules whose names begin with it; the mcp server and the
pytest plugin need no torch. Each tool is imported by its own modules only."""
