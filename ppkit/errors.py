"""The two ways a computation is refused: bad input, and a contradiction with weak duality."""


class InputError(ValueError):
    """The data, the factors or an option cannot be used; the message says why and what to do."""


class CertificateError(RuntimeError):
    """A certificate contradicts itself: a wrong polar, a forged file or a changed number."""
