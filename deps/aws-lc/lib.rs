//! Empty on purpose: cargo wants a target beside a list of dependencies.
