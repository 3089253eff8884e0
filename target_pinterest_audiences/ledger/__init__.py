"""Which members were ever sent to which customer list, in a database."""
