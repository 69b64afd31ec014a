"""AWS: the session, and one file of resource kinds a service."""
