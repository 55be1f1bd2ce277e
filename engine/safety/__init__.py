"""Gates for what comes from outside."""
