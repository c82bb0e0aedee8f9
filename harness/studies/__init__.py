"""Studies: many training runs that differ in a few options, and what they say together."""
