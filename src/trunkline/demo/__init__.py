"""Made-up calls for a first look: dialogues of our own, and the calls drawn from them."""
