"""From a question to the passages that may answer it, among those that the asker may see."""
