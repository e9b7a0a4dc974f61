"""What pages and programs read. Every function takes the actor and returns only what `access` lets it see."""
