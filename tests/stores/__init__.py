"""What every store must do, and what each one does in its own way."""
