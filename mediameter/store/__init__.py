"""What is at rest: lake, warehouse, ledger. The only writers."""
