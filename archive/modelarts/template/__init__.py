"""What is shipped in the package as it stands; runs on the platform's Python 3.6."""
