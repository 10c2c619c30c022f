"""What sessions are kept from: the hook that Claude Code asks, protected folders, floors of config folders."""
