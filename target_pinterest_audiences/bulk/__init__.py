"""Members by the tens of millions: plan where the data is, send from one process, settle."""
