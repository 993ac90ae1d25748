"""SQL that ships with the house: migrations, views, and one file for each question of the documents (`answers`)."""
