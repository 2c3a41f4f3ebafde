//! What the application of one region answers, as far as the world decides it. Faults that change when or
//! whether an answer is sent are the server's part.

use serde_json::{Value, json};

use super::World;
use super::fault::Behaviour;

/// What clients ask of the application.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ask {
    /// `GET /`: which region is this?
    Name,
    /// `GET /health`.
    Health,
    /// `POST /write`.
    Write,
}

/// An answer of the application.
#[derive(Debug, Clone, PartialEq)]
pub struct Told {
    /// The HTTP status.
    pub status: u16,
    /// The body: a string is sent as plain text, all else as JSON.
    pub body: Value,
}

impl World {
    /// Answers one request to the region's application at `now_ms`.
    pub fn ask(&mut self, region: &str, ask: Ask, now_ms: u64) -> Told {
        self.advance(now_ms);
        let tasks = self.fleet.running(region);
        let told = |status, body| Told { status, body };
        match (self.behaviour(region, now_ms), ask) {
            (Behaviour::Status(status), _) => {
                told(status, json!({"status": "fail", "region": region, "error": "injected by the sandbox"}))
            }
            (Behaviour::Lie, Ask::Health) => {
                told(200, json!({"status": "pass", "region": region, "tasks": tasks}))
            }
            (Behaviour::Lie, Ask::Write) => {
                told(503, json!({"region": region, "error": "the write was lost"}))
            }
            _ if tasks == 0 => {
                told(503, json!({"status": "fail", "region": region, "error": "no task is running"}))
            }
            (_, Ask::Name) => told(200, Value::String(format!("{region}\n"))),
            (_, Ask::Health) => told(200, json!({"status": "pass", "region": region, "tasks": tasks})),
            (_, Ask::Write) => match self.databases.write(region, now_ms) {
                Some(sequence) => told(200, json!({"region": region, "sequence": sequence})),
                None => told(503, json!({"region": region, "error": "no database here takes writes"})),
            },
        }
    }
}
