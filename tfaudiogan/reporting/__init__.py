"""What every page is made of: tables, figures, and the page itself."""
