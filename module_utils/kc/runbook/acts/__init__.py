"""What the steps of the runbooks do on AWS, an act a file."""
