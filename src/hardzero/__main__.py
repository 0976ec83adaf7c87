"""The program, as ``hardzero`` and as ``python -m hardzero``."""

from __future__ import annotations

import signal


def main() -> None:
    """Run the command line; Ctrl-C while it is still being loaded ends the process without a traceback."""
    # A background job of a shell ignores them.
    takes_interrupts = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if takes_interrupts:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from hardzero.cli import app

    if takes_interrupts:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    app(prog_name="hardzero")


if __name__ == "__main__":
    main()
