"""The browser page and a local server for it. The source of the page is in ``web/``."""
