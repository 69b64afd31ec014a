"""The toolkit's core: plain Python, no Ansible (only `entry.py` knows it)."""
