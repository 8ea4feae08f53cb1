"""Systems, results and explanations for language models, through the Model Context Protocol."""
