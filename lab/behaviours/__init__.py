"""What moto only records, carried out: one file each."""
