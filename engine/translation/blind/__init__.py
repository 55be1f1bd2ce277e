"""Photos beside what several translators make of them, without names and in shuffled order, so that eyes can judge."""
