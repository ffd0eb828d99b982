//! What staging costs.

fn main() {}
