"""The browser page and the server that shows it on this machine; the page's source is ``web/``."""
