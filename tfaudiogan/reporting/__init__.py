"""Tables, figures and HTML pages, which all reports are made of."""
