"""How the model that comes with the package is made, measured and described."""
