"""The form filled from the recipe in a picture that is brought, of this studio or another tool."""
