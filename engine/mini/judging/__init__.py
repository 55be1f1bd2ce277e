"""What the small model draws, judged against renders: prompts, classifier, pictures, report."""
