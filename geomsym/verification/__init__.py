"""The theorems for configured runs, by one run's own network and data, or by the accuracies of many trained ones."""
