"""How a warehouse, a bucket or a data set is opened, for whoever writes, reads or only looks."""
