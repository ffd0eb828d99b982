//! Prints the contract for `chatkeep.v1.lock`.

#[path = "../tests/compatibility/render.rs"]
mod render;

fn main() {
    for line in render::lines() {
        println!("{line}");
    }
}
