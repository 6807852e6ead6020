"""The published experiments on simulated people: steps, figures and the document about them."""
