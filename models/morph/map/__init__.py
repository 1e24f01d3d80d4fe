"""The sounds of a morph as a picture, as a page, and the way from one to another as sound."""
