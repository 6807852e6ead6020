"""Care of a dataset that exists: look for what is wrong, correct, join, divide, forget, hand on."""
