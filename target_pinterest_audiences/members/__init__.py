"""Members of customer lists: who they are, and which list gets or loses them."""
