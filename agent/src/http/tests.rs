//! The API through its router, without a socket: a real node, a real log, and requests as clients and attackers send
//! them.

mod changing;
mod declaring;
mod desk;
mod drilling;
mod limits;
mod reading;
mod scraping;
mod screening;
