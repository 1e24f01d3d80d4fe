"""A drummer that plays along on a grid of sixteenths: trained, judged, written for the stage."""
