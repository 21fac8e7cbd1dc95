"""From a file to passages: what stands in a document, under which headings, in which sentences."""
