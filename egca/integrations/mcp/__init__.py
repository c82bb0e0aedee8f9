"""The Model Context Protocol: agents localize, judge and trace programs (extra "mcp")."""
