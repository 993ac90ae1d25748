"""Rules, incidents and the telling of them."""
