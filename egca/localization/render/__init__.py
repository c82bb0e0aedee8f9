"""How a localization looks: terminal, JSON and HTML, each in its file, all from the same data.

Below the command line so that notebooks get the same pictures through `Localization`. Nothing here
prints or reads files but its own template; import the module that is wanted, each has its own needs."""
