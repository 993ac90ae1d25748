"""One pass: its stations in order (`stations`), what their reports say (`words`), when they complain (`complaints`)."""
