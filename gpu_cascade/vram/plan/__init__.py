"""Who goes where, with how much KV cache. Pure: footprints and rooms go in, a plan comes out."""
