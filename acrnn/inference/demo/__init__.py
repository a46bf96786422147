"""The demonstration page: recognition in a browser, of uploaded and recorded sounds."""
