"""From other systems' tables to the lake."""
