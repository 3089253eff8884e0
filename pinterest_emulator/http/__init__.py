"""From a request that arrives to the response: operations, pages, limits, staged faults."""
