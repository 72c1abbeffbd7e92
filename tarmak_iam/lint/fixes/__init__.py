"""The fixes of the built-in rules, by the ID of the rule."""
