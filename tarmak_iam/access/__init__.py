"""Who gains and loses access between two installations, and who would be locked out."""
