"""Which rules hit which signals: patterns, what is compared with them, and the two ways through the rules."""
