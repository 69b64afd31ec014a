"""What the edge is made of: the parts of CloudFront's behaviour that need no API and no namespace to be looked at."""
