"""One recording in the style of another, by optimising its samples: Barry and Kim 2017."""
