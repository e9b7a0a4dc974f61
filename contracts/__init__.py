"""What services may say to each other: frozen pydantic data and nothing else."""
