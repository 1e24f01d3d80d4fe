"""A small causal network that does live what a transfer to one style does: a style, distilled."""
