"""The tests, one folder for each of the code's."""
