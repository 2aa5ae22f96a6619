"""What is measured, side by side in one run. Ratios are the result; absolute numbers belong to the machine."""
