"""Route 53's data plane: what its health checkers see, which records that lets stand, and the server that answers with them."""
