"""What a record or a file says, whatever form it arrives in."""
