"""How pages write times where Django's own way for a language is not ours."""
