"""What all studies share: the protocol, the store of runs, workers, statistics, tables and the page."""
