"""The core and the main job: what a call costs, what the demo gains, what the embedded models can do."""
