//! How a story is told: once to each emulator as a test of its own, and by `live.rs` to a real account.

/// Makes two tests of each story that is named, and one function that tells all of them to a real account. What
/// follows `not yet in the sandbox` is told to moto alone until the sandbox has it.
macro_rules! contract {
    ($($story:ident),* $(,)? $(; not yet in the sandbox: $($later:ident),+ $(,)?)?) => {
        $(mod $story {
            use crate::world::World;

            #[tokio::test]
            async fn sandbox() {
                super::$story(&World::sandbox().await).await;
            }

            #[tokio::test]
            async fn moto() {
                super::$story(&World::moto().await).await;
            }
        })*

        $($(mod $later {
            #[tokio::test]
            async fn moto() {
                super::$later(&crate::world::World::moto().await).await;
            }
        })+)?

        /// Tells every story of this operation to a real account, one after the other.
        pub(crate) async fn live(world: &crate::world::World) {
            $(
                println!("{}::{}", module_path!(), stringify!($story));
                $story(world).await;
            )*
            $($(
                println!("{}::{}", module_path!(), stringify!($later));
                $later(world).await;
            )+)?
        }
    };
}
