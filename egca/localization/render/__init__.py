"""How a localization looks: terminal, JSON and HTML, each in its file, all from the same data.

Below the command line so that notebooks get the same pictures through `Localization`. Nothing here
prints; import the module that is wanted, each brings only what it needs."""
