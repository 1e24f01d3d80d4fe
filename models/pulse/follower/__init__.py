"""The follower's network: scenes to train on, the network, its training and its deployment."""
