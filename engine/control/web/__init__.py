"""The rack on a page in a browser: ``server.Web`` serves it."""
