"""HTTP processing, from request to response: operations, pages, limits, faults."""
