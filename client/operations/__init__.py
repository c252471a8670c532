"""Operations on a running server: scale, deploy, roll back, wait for a quiet moment."""
