"""How pictures look: what is nearly the same, more like one, and by colour; pixels alone, no words."""
