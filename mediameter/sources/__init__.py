"""Bytes and rows in; never interpreted here."""
