"""The one family of errors: what a user can mend, said in one line.

Raise these for bad input and missing parts; the command line prints the message after
"egca: error: " and leaves with status 2. Anything else that escapes is a bug of ours and keeps its
traceback. A program under test that fails is no error at all: it is data (`types.Failure`)."""


class EgcaError(Exception):
    """Something a user can mend. The message says where, what and how, in one line."""


class InputError(EgcaError):
    """A file, option or value from outside is not what it has to be."""


class ProblemError(InputError):
    """A problem cannot be loaded or makes no sense: no tests, no entry point, a wrong reference."""


class PromptError(InputError):
    """A prompt that does not exist or is malformed, or inputs that are not its own."""


class ProviderError(EgcaError):
    """A chat model cannot be opened, or gave no reply: not found, offline, out of memory."""


class TransientError(ProviderError):
    """A call that may succeed when it is made again: a rate limit, a fault of the server."""

    def __init__(self, message: str, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s  # as the server asked for; None: it said nothing


class ContextError(ProviderError):
    """A prompt and the reply that is asked for are longer than the model's context."""


class ReplyError(ProviderError):
    """A reply that is not what was asked for. Its message is fit to be sent to the model."""


class CostError(ProviderError):
    """The next call could cost more than is left."""


class MissingExtraError(EgcaError, ImportError):
    """An optional package is not installed. An ImportError too: modules that need it raise this."""

    def __init__(self, purpose: str, extra: str) -> None:
        super().__init__(f'{purpose} needs the extra "{extra}": pip install "egca[{extra}]"')
        self.extra = extra


class SandboxError(EgcaError):
    """The sandbox itself cannot run (not: a program in it failed)."""


class CreditError(EgcaError):
    """Spans, tokens and advantages that do not fit together."""


_OUT_OF_MEMORY = ("out of memory", "not enough memory", "can't allocate memory")


def is_out_of_memory(error: Exception) -> bool:
    """Whether memory ran out; torch says so by a RuntimeError with one of several texts.

    >>> is_out_of_memory(RuntimeError("CUDA out of memory. Tried to allocate 2 GiB"))
    True
    """
    words = str(error).lower()
    return isinstance(error, MemoryError) or any(text in words for text in _OUT_OF_MEMORY)
