//! How a story is told: once to each emulator as a test of its own, and by `live.rs` to a real account.

/// Makes two tests of each story that is named, and one function that tells all of them to a real account. An operation
/// that moto does not have is told to the sandbox alone, and stands in `differences.rs`.
macro_rules! contract {
    (without_moto: $($story:ident),+ $(,)?) => {
        $(mod $story {
            #[tokio::test]
            async fn sandbox() {
                super::$story(&crate::world::World::sandbox().await).await;
            }
        })+

        contract!(live: $($story),+);
    };
    (live: $($story:ident),+) => {
        /// Tells every story of this operation to a real account, one after the other.
        pub(crate) async fn live(world: &crate::world::World) {
            $(
                println!("{}::{}", module_path!(), stringify!($story));
                $story(world).await;
            )+
        }
    };
    ($($story:ident),+ $(,)?) => {
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
        })+

        contract!(live: $($story),+);
    };
}
