"""Imported last by a process that only forks: what it has imported is left out of its forks' garbage collections.

Else each fork's first full collection walks through all of it, and so copies its pages: a fifth of what a run costs.
"""

import gc

gc.collect()
gc.freeze()
