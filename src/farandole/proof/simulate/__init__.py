"""Whole histories of the real kernel on real SQL, decided by one seed: schedule, crashes, lost answers, zombies, delays."""
