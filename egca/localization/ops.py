"""The ops that localization runs in the sandbox: what a sandbox for it should preload.

Alone in a file without imports, so that a sandbox can be started before the rest is imported."""

OPS = ("egca.execution.tracing", "egca.localization.variants")
