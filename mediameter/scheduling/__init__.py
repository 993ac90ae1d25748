"""What only a scheduler needs: steps called by name, news of flows."""
