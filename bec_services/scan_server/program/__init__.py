"""What a scan definition is made of: parameters, requests, paths, frame, hooks."""
