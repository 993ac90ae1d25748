"""mediameter meters media: what every byte served costs, how well it was served, and since when that is known."""
