"""A blind listening test: is X the sound A or the sound B, and how sure can one be of it?"""
