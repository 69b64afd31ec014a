"""Who is primary, since when, and what is degraded: asked of every region that answers, within seconds."""
