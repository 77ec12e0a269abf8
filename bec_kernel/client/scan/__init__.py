"""One scan as a person holds it: state, data, tables, files, actions."""
