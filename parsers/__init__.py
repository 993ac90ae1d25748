"""Bytes in, frames and rejects out. Pure: no I/O, no clock, no environment."""
