"""What is done to a running server: scale, deploy, roll back, wait for a quiet moment."""
