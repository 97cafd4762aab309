"""Turn-taking: who has the floor, when a turn ends, what is only a backchannel."""
