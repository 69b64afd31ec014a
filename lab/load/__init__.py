"""The load generator: does what users do, by name through the lab's DNS and edge, and keeps a record of every acknowledged write.

`command` is its command line; `names` and `visitor` are a browser as far as the network sees one, `actions` what its user does, `drive`
when; `record` is what is written down at once, `figures` what is made of it (pure), `check` asks for what was acknowledged.
"""
