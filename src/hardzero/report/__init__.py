"""One self-contained HTML page about a fitted model."""

from hardzero.report.page import write_report

__all__ = ["write_report"]
