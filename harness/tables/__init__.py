"""Tables of published and measured numbers: what they compare, how they are measured and shown."""

from harness.tables.registry import TABLES, Table

__all__ = ["TABLES", "Table"]
