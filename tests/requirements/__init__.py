"""The pinned lists, and what installs them."""
