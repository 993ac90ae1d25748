"""What may not come in, stopped at the door: addresses, requesters, values in queries, mail addresses, signatures.

Everything here is pure. Rows that cannot hold what is looked for are not touched.
"""
