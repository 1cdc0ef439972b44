"""What the pages ask of the tables: small results, aggregated in the engine and kept until the tables change."""
