"""The product's rules: values and services on the standard library alone. Knows no screen, no server, no SQL."""
