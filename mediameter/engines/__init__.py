"""What each database engine needs before it is a warehouse: session, snapshot, the writer's lock, and plain words for
its errors. `connect` alone hands engines out."""
