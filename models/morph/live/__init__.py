"""The morph that is played: a frame becomes few latents and they a frame, as time goes on."""
