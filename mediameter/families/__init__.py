"""Families of rollups, a file each: what differs between them, told to the one engine (`steps.rollup`)."""
