//! Changes of the agents over HTTP, from the request to the log.

use super::desk::Desk;
use serde_json::json;

/// Goal: an agent is added by one command, is listed as joining, and is no second time; cancelling is a command too. Method: the
/// requests, the list and the log.
#[tokio::test]
async fn an_agent_is_added() {
    let desk = Desk::healthy();
    let body = json!({"name": "d", "region": "ap-south-1", "address": "10.3.0.4:7951", "reason": "one more"});
    let begun = desk.post("/v1/members/add", &body).await;
    assert_eq!(begun.status, 202, "{}", begun.body);
    let listed = desk.get("/v1/members").await.body;
    let places: Vec<_> =
        listed["members"].as_array().unwrap().iter().map(|m| (&m["name"], &m["place"])).collect();
    assert_eq!(places.last(), Some(&(&json!("d"), &json!("joining"))), "{listed}");
    assert_eq!(listed["change"]["what"], "add d in ap-south-1");
    let again = desk.post("/v1/members/remove", &json!({"name": "c", "reason": "x"})).await;
    assert!(again.problem(409, "refused").contains("another change is under way"));
    assert_eq!(again.body["guard"], "members_not_changed");
    assert_eq!(desk.post("/v1/members/cancel", &json!({"reason": "never mind"})).await.status, 202);
    assert_eq!(desk.get("/v1/members").await.body["change"]["cancelled"], true);
}

/// Goal: who is replaced must be there, and what cannot be a name or an address is said. Method: one mistake at a time.
#[tokio::test]
async fn mistakes_are_named() {
    let desk = Desk::healthy();
    let body = |old: &str, name: &str, address: &str| json!({"old": old, "name": name, "address": address, "reason": "x"});
    let unknown = desk.post("/v1/members/replace", &body("z", "d", "10.3.0.4:7951")).await;
    assert!(unknown.problem(409, "refused").contains("`z` is no member"));
    let nowhere = desk.post("/v1/members/replace", &body("c", "d", "10.3.0.4")).await;
    assert!(nowhere.problem(409, "refused").contains("not a host with a port"));
    let name = desk.post("/v1/members/replace", &body("c", "a b", "10.3.0.4:7951")).await;
    name.problem(422, "invalid");
}
