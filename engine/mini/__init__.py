"""The model that ships: the stages in which it is made, and judging/ what it draws."""
