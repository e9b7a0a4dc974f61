"""Ways out to the phones, behind one protocol that declares what each can do."""
