"""What people see: the figures of the warehouse, told in the terminal and drawn in one HTML file."""
