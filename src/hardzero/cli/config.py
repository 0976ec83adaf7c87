"""``hardzero config``: what this installation runs on."""

from __future__ import annotations


def config() -> None:
    """Show which kernels, how many threads and which libraries are in use."""
    from hardzero.config import show_config

    show_config()
