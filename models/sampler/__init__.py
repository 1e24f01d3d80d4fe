"""Networks that learn a recording and dream on (Pfalz 2018): jobs, training, previews, scores."""
