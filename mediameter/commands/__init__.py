"""What an operator asks, one module a command."""
