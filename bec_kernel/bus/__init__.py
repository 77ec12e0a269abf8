"""The bus: three kinds of key (`Log`, `Latest`, `Inbox`) on one Redis broker."""
