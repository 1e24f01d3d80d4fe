"""The beat of a free player: what is heard of him, where he is, and when his next beat comes."""
