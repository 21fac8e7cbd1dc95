"""Questions put to the company's own documents, answered with the sentence that says so."""
